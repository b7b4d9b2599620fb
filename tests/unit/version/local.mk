check_PROGRAMS += tests/unit/version/test_version
tests_unit_version_test_version_SOURCES = \
	tests/support/case.h \
	tests/unit/version/test_counter.c \
	tests/unit/version/test_stamp.c \
	tests/unit/version/test_vector.c
tests_unit_version_test_version_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_version_test_version_LDADD = $(TEST_LDADD)
