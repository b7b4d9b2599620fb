src_libkula_a_SOURCES += \
	src/base/base.c \
	src/base/base.h \
	src/base/buf.c \
	src/base/buf.h \
	src/base/bytes.h \
	src/base/err.h \
	src/base/glob.c \
	src/base/glob.h \
	src/base/hash.c \
	src/base/hash.h \
	src/base/histogram.c \
	src/base/histogram.h \
	src/base/lock.c \
	src/base/lock.h \
	src/base/log_line.c \
	src/base/log_line.h \
	src/base/memory.c \
	src/base/memory.h \
	src/base/metrics.h \
	src/base/node_id.h \
	src/base/number.c \
	src/base/number.h \
	src/base/rng.h \
	src/base/ticks.c \
	src/base/ticks.h
