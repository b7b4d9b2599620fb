check_scripts += tests/process/test_config.py
EXTRA_DIST += tests/process/test_config.py
check_scripts += tests/process/test_process.py
thread_tests += tests/process/test_process.py
EXTRA_DIST += tests/process/test_process.py
