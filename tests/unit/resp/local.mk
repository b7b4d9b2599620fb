check_PROGRAMS += tests/unit/resp/test_resp
tests_unit_resp_test_resp_SOURCES = \
	tests/unit/resp/test_parse.c \
	tests/unit/resp/test_reply.c
tests_unit_resp_test_resp_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_resp_test_resp_LDADD = $(TEST_LDADD)
