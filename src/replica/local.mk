src_libkula_a_SOURCES += \
	src/replica/answer.c \
	src/replica/compare.c \
	src/replica/evict.c \
	src/replica/hints.c \
	src/replica/hints.h \
	src/replica/inside.h \
	src/replica/keeper.c \
	src/replica/keeper.h \
	src/replica/keeper_inside.h \
	src/replica/loan.c \
	src/replica/merge.c \
	src/replica/range.c \
	src/replica/range.h \
	src/replica/replica.c \
	src/replica/replica.h \
	src/replica/round.c \
	src/replica/slots.c \
	src/replica/slots.h \
	src/replica/tenure.c \
	src/replica/upkeep.c
