src_libkula_a_SOURCES += \
	src/bus/frame.c \
	src/bus/frame.h \
	src/bus/handshake.c \
	src/bus/handshake.h \
	src/bus/link.c \
	src/bus/link.h \
	src/bus/proof.c \
	src/bus/proof.h \
	src/bus/wire.c \
	src/bus/wire.h
