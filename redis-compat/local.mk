# The differential test and the smoke tests with real clients; README.
EXTRA_PROGRAMS += redis-compat/differ redis-compat/clients/hiredis
CLEANFILES += redis-compat/differ redis-compat/clients/hiredis
check_helpers += redis-compat/differ redis-compat/clients/hiredis

redis_compat_differ_SOURCES = \
	redis-compat/arena.c redis-compat/arena.h \
	redis-compat/compare.c redis-compat/compare.h \
	redis-compat/differ.c \
	redis-compat/grammar.c redis-compat/grammar.h \
	redis-compat/link.c redis-compat/link.h \
	redis-compat/run.c redis-compat/run.h \
	redis-compat/stream.c redis-compat/stream.h \
	redis-compat/tree.c redis-compat/tree.h \
	redis-compat/words.c redis-compat/words.h
redis_compat_differ_LDADD =

redis_compat_clients_hiredis_SOURCES = redis-compat/clients/hiredis.c
redis_compat_clients_hiredis_CPPFLAGS = $(AM_CPPFLAGS) $(HIREDIS_CFLAGS)
redis_compat_clients_hiredis_LDADD = $(HIREDIS_LIBS)

check_scripts += redis-compat/run-differ redis-compat/run-differ-ring \
	redis-compat/run-clients-ring redis-compat/check-score
check_long_scripts += redis-compat/run-differ-long \
	redis-compat/run-differ-ring-long redis-compat/run-clients

EXTRA_DIST += redis-compat/README redis-compat/DIFFERENCES \
	redis-compat/run-differ redis-compat/run-differ-long \
	redis-compat/run-differ-ring redis-compat/run-differ-ring-long \
	redis-compat/run-clients redis-compat/run-clients-ring \
	redis-compat/servers redis-compat/check-score \
	redis-compat/grammar/README \
	redis-compat/grammar/bitmap.txt redis-compat/grammar/connection.txt \
	redis-compat/grammar/expire.txt redis-compat/grammar/keys.txt \
	redis-compat/grammar/multi.txt redis-compat/grammar/newer.txt \
	redis-compat/grammar/server.txt redis-compat/grammar/string.txt \
	redis-compat/clients/package.json \
	redis-compat/clients/package-lock.json \
	redis-compat/clients/ioredis.js redis-compat/clients/node-redis.js \
	redis-compat/clients/phpredis.php redis-compat/clients/predis.php \
	redis-compat/clients/redis-cli.py redis-compat/clients/redis-py.py \
	redis-compat/clients/redis-rb.rb
