check_PROGRAMS += tests/unit/ring/test_ring
tests_unit_ring_test_ring_SOURCES = \
	tests/support/case.h \
	tests/unit/ring/make.c \
	tests/unit/ring/make.h \
	tests/unit/ring/test_map.c \
	tests/unit/ring/test_pick.c \
	tests/unit/ring/test_slot.c
tests_unit_ring_test_ring_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_ring_test_ring_LDADD = $(TEST_LDADD)
