SIM_SOURCES = tests/sim/sim.c tests/sim/sim.h

check_PROGRAMS += tests/sim/stories tests/sim/swarm
tests_sim_stories_SOURCES = tests/sim/stories.c $(SIM_SOURCES)
tests_sim_stories_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_stories_LDADD = $(TEST_LDADD)
tests_sim_swarm_SOURCES = tests/sim/swarm.c tests/sim/model.c \
	tests/sim/model.h $(SIM_SOURCES)
tests_sim_swarm_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_swarm_LDADD = $(PLAIN_LDADD)

EXTRA_DIST += tests/sim/README

check-swarm: tests/sim/swarm
	tests/sim/swarm --seed $(or $(SEED),1) --count $(or $(COUNT),2000)
.PHONY: check-swarm
