check_PROGRAMS += tests/unit/command/test_command
tests_unit_command_test_command_SOURCES = \
	tests/support/case.h \
	tests/unit/session/talk.h \
	tests/unit/command/play.c \
	tests/unit/command/play.h \
	tests/unit/command/talk.h \
	tests/unit/command/test_bitmap.c \
	tests/unit/command/test_command.c \
	tests/unit/command/test_connection.c \
	tests/unit/command/test_expire.c \
	tests/unit/command/test_info.c \
	tests/unit/command/test_introspect.c \
	tests/unit/command/test_keys.c \
	tests/unit/command/test_multi.c \
	tests/unit/command/test_server.c \
	tests/unit/command/test_quorum.c \
	tests/unit/command/test_slowlog.c \
	tests/unit/command/test_string.c
tests_unit_command_test_command_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_command_test_command_LDADD = $(TEST_LDADD)
