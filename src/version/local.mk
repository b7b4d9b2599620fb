src_libkula_a_SOURCES += \
	src/version/counter.c \
	src/version/counter.h \
	src/version/stamp.h \
	src/version/vector.c \
	src/version/vector.h
