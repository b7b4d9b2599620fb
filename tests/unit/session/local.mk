check_PROGRAMS += tests/unit/session/test_session
tests_unit_session_test_session_SOURCES = \
	tests/unit/session/talk.h \
	tests/unit/session/test_session.c
tests_unit_session_test_session_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_session_test_session_LDADD = $(TEST_LDADD)
