src_libkulaos_a_SOURCES += \
	src/os/batch.c \
	src/os/batch.h \
	src/os/clock.c \
	src/os/clock.h \
	src/os/conn.c \
	src/os/crash.c \
	src/os/crash.h \
	src/os/inbox.c \
	src/os/inbox.h \
	src/os/log_file.c \
	src/os/log_file.h \
	src/os/loop.c \
	src/os/loop.h \
	src/os/loop_inside.h \
	src/os/peer.c \
	src/os/process.c \
	src/os/process.h \
	src/os/resolver.c \
	src/os/resolver.h \
	src/os/signals.c \
	src/os/signals.h \
	src/os/small_file.c \
	src/os/small_file.h \
	src/os/socket.c \
	src/os/socket.h \
	src/os/turn.c
EXTRA_DIST += src/os/README
