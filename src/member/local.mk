src_libkula_a_SOURCES += \
	src/member/claim.c \
	src/member/codec.c \
	src/member/detector.c \
	src/member/exchange.c \
	src/member/facts.c \
	src/member/found.c \
	src/member/inside.h \
	src/member/lives.c \
	src/member/member.h \
	src/member/members.c \
	src/member/probation.c \
	src/member/receive.c \
	src/member/rows.c \
	src/member/rumour.c \
	src/member/saved.c \
	src/member/views.c
