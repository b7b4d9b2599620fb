check_PROGRAMS += tests/unit/bus/test_bus
tests_unit_bus_test_bus_SOURCES = \
	tests/unit/bus/golden.c \
	tests/unit/bus/golden.h \
	tests/unit/bus/pair.c \
	tests/unit/bus/pair.h \
	tests/unit/bus/test_frame.c \
	tests/unit/bus/test_handshake.c \
	tests/unit/bus/test_link.c \
	tests/unit/bus/test_wire.c
tests_unit_bus_test_bus_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_bus_test_bus_LDADD = $(TEST_LDADD)
