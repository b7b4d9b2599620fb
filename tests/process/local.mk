check_scripts += tests/process/test_config.py
EXTRA_DIST += tests/process/test_config.py
