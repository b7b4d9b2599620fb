check_PROGRAMS += tests/unit/os/test_os
tests_unit_os_test_os_SOURCES = \
	tests/unit/os/test_inbox.c \
	tests/unit/os/test_socket.c
tests_unit_os_test_os_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_os_test_os_LDADD = $(TEST_LDADD)
