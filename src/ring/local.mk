src_libkula_a_SOURCES += \
	src/ring/circle.c \
	src/ring/circle.h \
	src/ring/crc16.h \
	src/ring/map.c \
	src/ring/map.h \
	src/ring/pick.c \
	src/ring/replicas.c \
	src/ring/slot.c \
	src/ring/slot.h
