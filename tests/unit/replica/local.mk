check_PROGRAMS += tests/unit/replica/test_replica
tests_unit_replica_test_replica_SOURCES = \
	tests/unit/replica/test_compare.c \
	tests/unit/replica/test_formats.c \
	tests/unit/replica/test_replica.c \
	tests/unit/replica/test_settle.c \
	tests/unit/replica/test_swarm.c \
	tests/unit/replica/test_tenure.c \
	tests/unit/replica/world.c \
	tests/unit/replica/world.h
tests_unit_replica_test_replica_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_replica_test_replica_LDADD = $(TEST_LDADD)
