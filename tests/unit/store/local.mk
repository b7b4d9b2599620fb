check_PROGRAMS += tests/unit/store/test_store
tests_unit_store_test_store_SOURCES = \
	tests/unit/store/test_heap.c \
	tests/unit/store/test_memory.c \
	tests/unit/store/test_model.c \
	tests/unit/store/test_store.c \
	tests/unit/store/test_table.c
tests_unit_store_test_store_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_store_test_store_LDADD = $(TEST_LDADD)
