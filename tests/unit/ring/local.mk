check_PROGRAMS += tests/unit/ring/test_ring
tests_unit_ring_test_ring_SOURCES = \
	tests/support/case.h \
	tests/unit/ring/test_slot.c
tests_unit_ring_test_ring_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_ring_test_ring_LDADD = $(TEST_LDADD)
