check_PROGRAMS += tests/unit/config/test_config
tests_unit_config_test_config_SOURCES = \
	tests/unit/config/test_line.c \
	tests/unit/config/test_load.c \
	tests/unit/config/test_rewrite.c \
	tests/unit/config/test_values.c
tests_unit_config_test_config_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_config_test_config_LDADD = $(TEST_LDADD)
