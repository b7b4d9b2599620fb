check_PROGRAMS += tests/unit/node/test_node
tests_unit_node_test_node_SOURCES = \
	tests/unit/session/talk.h \
	tests/unit/node/pump.h \
	tests/unit/node/test_node.c \
	tests/unit/node/test_pairs.c \
	tests/unit/node/test_ring.c
tests_unit_node_test_node_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_node_test_node_LDADD = $(TEST_LDADD)
