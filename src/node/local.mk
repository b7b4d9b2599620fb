src_libkula_a_SOURCES += \
	src/node/agreed.c \
	src/node/bus.c \
	src/node/clients.c \
	src/node/evict.c \
	src/node/inside.h \
	src/node/monitor.c \
	src/node/node.c \
	src/node/node.h \
	src/node/report.c \
	src/node/report.h \
	src/node/pairs.c \
	src/node/pairs.h \
	src/node/peers.c \
	src/node/ring.c \
	src/node/settle.c \
	src/node/upkeep.c
