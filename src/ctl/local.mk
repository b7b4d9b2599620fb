if HAVE_HIREDIS
bin_PROGRAMS += src/kula-ctl
src_kula_ctl_SOURCES = \
	src/ctl/ctl.c \
	src/ctl/ctl.h \
	src/ctl/demo.c \
	src/ctl/gather.c \
	src/ctl/gather.h \
	src/ctl/json.c \
	src/ctl/json.h \
	src/ctl/nodes.c \
	src/ctl/options.c \
	src/ctl/peer.c \
	src/ctl/peer.h \
	src/ctl/prefixes.c \
	src/ctl/ring.c \
	src/ctl/status.c \
	src/ctl/table.c \
	src/ctl/table.h \
	src/ctl/value.c \
	src/ctl/value.h
src_kula_ctl_CPPFLAGS = $(AM_CPPFLAGS) $(HIREDIS_CFLAGS)
thread-programs check-sanitize: src/kula-ctl
src_kula_ctl_LDADD = src/libkula.a $(HIREDIS_LIBS) $(JEMALLOC_LIBS) -lm
endif
dist_man_MANS += utils/kula-ctl.1
EXTRA_DIST += utils/kula-ctl.bash-completion
