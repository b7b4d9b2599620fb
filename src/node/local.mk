src_libkula_a_SOURCES += \
	src/node/clients.c \
	src/node/inside.h \
	src/node/monitor.c \
	src/node/node.c \
	src/node/node.h
