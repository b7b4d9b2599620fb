src_libkula_a_SOURCES += \
	src/config/check.c \
	src/config/check.h \
	src/config/choices.h \
	src/config/directives.h \
	src/config/inside.h \
	src/config/line.c \
	src/config/line.h \
	src/config/load.c \
	src/config/names.c \
	src/config/rewrite.c \
	src/config/settings.c \
	src/config/settings.h \
	src/config/table.c \
	src/config/table.h \
	src/config/value.c \
	src/config/value.h
