check_PROGRAMS += tests/fuzz/replay_config
tests_fuzz_replay_config_SOURCES = \
	tests/fuzz/fuzz_config.c \
	tests/fuzz/replay.c \
	tests/support/plain.h
tests_fuzz_replay_config_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_replay_config_LDADD = $(PLAIN_LDADD)
EXTRA_DIST += tests/fuzz/corpus/config
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c
tests_fuzz_fuzz_config_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_config_LDADD = $(PLAIN_LDADD)
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

check_PROGRAMS += tests/fuzz/replay_glob
tests_fuzz_replay_glob_SOURCES = \
	tests/fuzz/fuzz_glob.c \
	tests/fuzz/replay.c \
	tests/support/plain.h
tests_fuzz_replay_glob_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_replay_glob_LDADD = $(PLAIN_LDADD)
EXTRA_DIST += tests/fuzz/corpus/glob
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_glob
tests_fuzz_fuzz_glob_SOURCES = tests/fuzz/fuzz_glob.c
tests_fuzz_fuzz_glob_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_glob_LDADD = $(PLAIN_LDADD)
tests_fuzz_fuzz_glob_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

check_PROGRAMS += tests/fuzz/replay_number
tests_fuzz_replay_number_SOURCES = \
	tests/fuzz/fuzz_number.c \
	tests/fuzz/replay.c \
	tests/support/plain.h
tests_fuzz_replay_number_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_replay_number_LDADD = $(PLAIN_LDADD)
EXTRA_DIST += tests/fuzz/corpus/number
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_number
tests_fuzz_fuzz_number_SOURCES = tests/fuzz/fuzz_number.c
tests_fuzz_fuzz_number_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_number_LDADD = $(PLAIN_LDADD)
tests_fuzz_fuzz_number_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
check_PROGRAMS += tests/fuzz/replay_resp
tests_fuzz_replay_resp_SOURCES = \
	tests/fuzz/fuzz_resp.c \
	tests/fuzz/replay.c \
	tests/support/plain.h
tests_fuzz_replay_resp_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_replay_resp_LDADD = $(PLAIN_LDADD)
EXTRA_DIST += tests/fuzz/corpus/resp
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_resp
tests_fuzz_fuzz_resp_SOURCES = tests/fuzz/fuzz_resp.c
tests_fuzz_fuzz_resp_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_resp_LDADD = $(PLAIN_LDADD)
tests_fuzz_fuzz_resp_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

check_PROGRAMS += tests/fuzz/replay_bus
tests_fuzz_replay_bus_SOURCES = \
	tests/fuzz/fuzz_bus.c \
	tests/fuzz/replay.c \
	tests/support/plain.h
tests_fuzz_replay_bus_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_replay_bus_LDADD = $(PLAIN_LDADD)
EXTRA_DIST += tests/fuzz/corpus/bus
if FUZZ
noinst_PROGRAMS += tests/fuzz/fuzz_bus
tests_fuzz_fuzz_bus_SOURCES = tests/fuzz/fuzz_bus.c
tests_fuzz_fuzz_bus_CPPFLAGS = $(TEST_CPPFLAGS)
tests_fuzz_fuzz_bus_LDADD = $(PLAIN_LDADD)
tests_fuzz_fuzz_bus_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
