SIM_SOURCES = tests/sim/sim.c tests/sim/sim_node.c tests/sim/sim_call.c \
	tests/sim/net.c tests/sim/sim.h tests/sim/inside.h
RING_SIM_SOURCES = tests/sim/ring_client.c tests/sim/ring_client.h \
	tests/sim/check.c tests/sim/check_ring.c tests/sim/check_versions.c \
	tests/sim/check.h

check_PROGRAMS += tests/sim/stories tests/sim/swarm
tests_sim_stories_SOURCES = tests/sim/stories.c $(SIM_SOURCES)
tests_sim_stories_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_stories_LDADD = $(TEST_LDADD)
tests_sim_swarm_SOURCES = tests/sim/swarm.c tests/sim/model.c \
	tests/sim/model.h $(SIM_SOURCES)
tests_sim_swarm_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_swarm_LDADD = $(PLAIN_LDADD)

check_PROGRAMS += tests/sim/ring_stories tests/sim/ring_swarm
tests_sim_ring_stories_SOURCES = tests/sim/ring_stories.c \
	tests/sim/ring_stories_forget.c tests/sim/ring_stories_keys.c \
	tests/sim/ring_stories_lives.c \
	tests/sim/ring_stories_nodes.c tests/sim/ring_stories_quorum.c \
	tests/sim/ring_stories_reads.c tests/sim/ring_stories_versions.c \
	tests/sim/story.c tests/sim/story.h \
	$(RING_SIM_SOURCES) $(SIM_SOURCES)
tests_sim_ring_stories_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_ring_stories_LDADD = $(TEST_LDADD)
tests_sim_ring_swarm_SOURCES = tests/sim/ring_swarm.c \
	$(RING_SIM_SOURCES) $(SIM_SOURCES)
tests_sim_ring_swarm_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_ring_swarm_LDADD = $(PLAIN_LDADD)

EXTRA_DIST += tests/sim/README tests/sim/check-bugs tests/sim/bugs
check_long_scripts += tests/sim/check-bugs

# What tests/sim/check-bugs compiles and links with.
print-bug-commands:
	@echo '$(CC) $(tests_sim_ring_swarm_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS)'
	@echo '$(CCLD) $(AM_CFLAGS) $(CFLAGS) $(AM_LDFLAGS) $(LDFLAGS)'
	@echo '$(PLAIN_LDADD) $(LIBS)'
.PHONY: print-bug-commands

check-swarm: tests/sim/swarm tests/sim/ring_swarm
	tests/sim/swarm --seed $(or $(SEED),1) --count $(or $(COUNT),2000)
	tests/sim/ring_swarm --seed $(or $(SEED),1) --count $(or $(COUNT),2000)
.PHONY: check-swarm

# Members machines alone: founding, numbers, failure detection, traffic.
check_PROGRAMS += tests/sim/gossip
tests_sim_gossip_SOURCES = tests/sim/gossip.c tests/sim/gossip_world.c \
	tests/sim/gossip_world.h tests/support/plain.h
tests_sim_gossip_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_gossip_LDADD = $(PLAIN_LDADD)
