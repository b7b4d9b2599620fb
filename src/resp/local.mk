src_libkula_a_SOURCES += \
	src/resp/parse.c \
	src/resp/parse.h \
	src/resp/reply.c \
	src/resp/reply.h
