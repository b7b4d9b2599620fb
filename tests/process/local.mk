check_scripts += tests/process/test_config.py
EXTRA_DIST += tests/process/test_config.py
check_scripts += tests/process/test_process.py
thread_tests += tests/process/test_process.py
EXTRA_DIST += tests/process/test_process.py
check_scripts += tests/process/test_ctl.py
thread_tests += tests/process/test_ctl.py
EXTRA_DIST += tests/process/test_ctl.py
check_scripts += tests/process/hostile.py tests/process/memory.py
check_long_scripts += tests/process/hostile_long tests/process/memory_long
EXTRA_DIST += tests/process/hostile.py tests/process/hostile_peer.py \
	tests/process/hostile_long tests/process/memory.py \
	tests/process/memory_long
check_scripts += tests/process/test_ring.py \
	tests/process/ring_full.py tests/process/ring_bus.py \
	tests/process/ring_repair.py
check_long_scripts += tests/process/ring_long tests/process/ring_bus_long \
	tests/process/ring_repair_long
EXTRA_DIST += tests/process/ring.py tests/process/ring_load.py \
	tests/process/test_ring.py tests/process/ring_bus.py \
	tests/process/ring_repair.py tests/process/ring_full.py \
	tests/process/ring_long \
	tests/process/ring_bus_long tests/process/ring_repair_long \
	tests/support/relay.py
