check_PROGRAMS += tests/unit/os/test_os tests/unit/os/test_peer
tests_unit_os_test_os_SOURCES = \
	tests/unit/os/test_inbox.c \
	tests/unit/os/test_seeds.c \
	tests/unit/os/test_small_file.c \
	tests/unit/os/test_socket.c
tests_unit_os_test_os_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_os_test_os_LDADD = $(TEST_LDADD)
# A program of its own: here the node is a fake.
tests_unit_os_test_peer_SOURCES = \
	tests/unit/os/fake_node.c \
	tests/unit/os/fake_node.h \
	tests/unit/os/test_peer.c
tests_unit_os_test_peer_CPPFLAGS = $(TEST_CPPFLAGS) \
	-I$(top_srcdir)/tests/unit/os
tests_unit_os_test_peer_LDADD = $(TEST_LDADD)
