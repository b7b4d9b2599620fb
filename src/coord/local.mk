src_libkula_a_SOURCES += \
	src/coord/acting.c \
	src/coord/await.c \
	src/coord/coord.c \
	src/coord/coord.h \
	src/coord/copies.c \
	src/coord/execute.c \
	src/coord/expect.c \
	src/coord/fetch.c \
	src/coord/hedge.c \
	src/coord/inside.h \
	src/coord/loans.c \
	src/coord/op.c \
	src/coord/parts.c \
	src/coord/request.c \
	src/coord/route.c \
	src/coord/shortfall.c \
	src/coord/standins.c \
	src/coord/versions.c \
	src/coord/whole.c
