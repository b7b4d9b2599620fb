src_libkula_a_SOURCES += \
	src/store/cells.h \
	src/store/check.c \
	src/store/entries.c \
	src/store/evict.c \
	src/store/expire.c \
	src/store/heap.c \
	src/store/heap.h \
	src/store/inside.h \
	src/store/look.c \
	src/store/merge.c \
	src/store/object.c \
	src/store/object.h \
	src/store/record.c \
	src/store/record.h \
	src/store/replicate.h \
	src/store/ring.c \
	src/store/siblings.c \
	src/store/store.c \
	src/store/store.h \
	src/store/table.c \
	src/store/table.h \
	src/store/walk.c \
	src/store/write.c
