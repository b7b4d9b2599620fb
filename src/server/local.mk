src_libkulaos_a_SOURCES += \
	src/server/config_file.c \
	src/server/config_file.h \
	src/server/identity.c \
	src/server/identity.h \
	src/server/options.c \
	src/server/options.h \
	src/server/prepare.c \
	src/server/prepare.h \
	src/server/server.c \
	src/server/server.h
EXTRA_DIST += src/server/README
