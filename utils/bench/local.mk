noinst_PROGRAMS += utils/bench/kula-load
utils_bench_kula_load_SOURCES = \
	utils/bench/kula_load.c \
	utils/bench/engine.c utils/bench/engine.h \
	utils/bench/hist.c utils/bench/hist.h \
	utils/bench/keys.c utils/bench/keys.h \
	utils/bench/options.c utils/bench/options.h \
	utils/bench/usage.c utils/bench/usage.h \
	utils/bench/wire.c utils/bench/wire.h
utils_bench_kula_load_LDADD = -lm
check_helpers += utils/bench/kula-load
check_long_scripts += utils/bench/check
EXTRA_DIST += \
	utils/bench/README \
	utils/bench/bench.py \
	utils/bench/check \
	utils/bench/hitratio \
	utils/bench/limit \
	utils/bench/memory \
	utils/bench/node \
	utils/bench/ring \
	utils/bench/workers
