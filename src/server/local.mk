src_libkulaos_a_SOURCES += \
	src/server/config_file.c \
	src/server/config_file.h \
	src/server/identity.c \
	src/server/identity.h \
	src/server/options.c \
	src/server/options.h \
	src/server/prepare.c \
	src/server/prepare.h \
	src/server/ring_setup.c \
	src/server/ring_setup.h \
	src/server/seeds.c \
	src/server/seeds.h \
	src/server/server.c \
	src/server/server.h
EXTRA_DIST += src/server/README
