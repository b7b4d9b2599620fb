check_PROGRAMS += tests/unit/store/test_store
tests_unit_store_test_store_SOURCES = \
	tests/support/fault.c \
	tests/support/fault.h \
	tests/unit/bus/golden.c \
	tests/unit/bus/golden.h \
	tests/unit/store/make.h \
	tests/unit/store/ring.h \
	tests/unit/store/test_entries.c \
	tests/unit/store/test_fault.c \
	tests/unit/store/test_heap.c \
	tests/unit/store/test_memory.c \
	tests/unit/store/test_merge.c \
	tests/unit/store/test_model.c \
	tests/unit/store/test_record.c \
	tests/unit/store/test_ring.c \
	tests/unit/store/test_siblings.c \
	tests/unit/store/test_store.c \
	tests/unit/store/test_table.c \
	tests/unit/store/test_vector.c
tests_unit_store_test_store_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_store_test_store_LDADD = $(TEST_LDADD)

check_PROGRAMS += tests/unit/store/threads
thread_tests += tests/unit/store/threads
tests_unit_store_threads_SOURCES = tests/unit/store/threads.c
tests_unit_store_threads_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_store_threads_LDADD = $(PLAIN_LDADD)
