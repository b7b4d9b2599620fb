check_PROGRAMS += tests/unit/base/test_base tests/unit/base/lock_threads
thread_tests += tests/unit/base/lock_threads

tests_unit_base_test_base_SOURCES = \
	tests/support/case.h \
	tests/unit/base/test_buf.c \
	tests/unit/base/test_bytes.c \
	tests/unit/base/test_glob.c \
	tests/unit/base/test_hash.c \
	tests/unit/base/test_histogram.c \
	tests/unit/base/test_memory.c \
	tests/unit/base/test_number.c \
	tests/unit/base/test_rng.c \
	tests/unit/base/test_ticks.c
tests_unit_base_test_base_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_base_test_base_LDADD = $(TEST_LDADD)

tests_unit_base_lock_threads_SOURCES = \
	tests/support/plain.h \
	tests/unit/base/lock_threads.c
tests_unit_base_lock_threads_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_base_lock_threads_LDADD = $(PLAIN_LDADD)
