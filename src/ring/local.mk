src_libkula_a_SOURCES += \
	src/ring/crc16.h \
	src/ring/slot.c \
	src/ring/slot.h
