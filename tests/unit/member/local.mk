check_PROGRAMS += tests/unit/member/test_member
tests_unit_member_test_member_SOURCES = \
	tests/unit/bus/golden.c \
	tests/unit/bus/golden.h \
	tests/unit/member/bench.c \
	tests/unit/member/bench.h \
	tests/unit/member/test_claim.c \
	tests/unit/member/test_codec.c \
	tests/unit/member/test_detector.c \
	tests/unit/member/test_member.c \
	tests/unit/member/test_probation.c
tests_unit_member_test_member_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_member_test_member_LDADD = $(TEST_LDADD)
