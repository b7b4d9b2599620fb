#include "command/prefix.h"

#include "unit/command/talk.h"

/* ---- KULA.QUORUM ---- */

CASE(quorum, it_answers_what_counts_and_what_it_says_itself)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "KULA.QUORUM",
            "*8\r\n$1\r\nr\r\n:2\r\n$1\r\nw\r\n:2\r\n$4\r\nmode\r\n$6\r\n"
            "sloppy\r\n$3\r\nown\r\n*0\r\n");
    ANSWERS(talk, "KULA.QUORUM r 1 MODE Strict", "+OK\r\n");
    ANSWERS(talk, "KULA.QUORUM W 3", "+OK\r\n"); /* the others stay */
    ANSWERS(talk, "CONFIG SET write-quorum 1", "+OK\r\n");
    ANSWERS(talk, "KULA.QUORUM",
            "*8\r\n$1\r\nr\r\n:1\r\n$1\r\nw\r\n:3\r\n$4\r\nmode\r\n$6\r\n"
            "strict\r\n$3\r\nown\r\n*3\r\n$1\r\nr\r\n$1\r\nw\r\n$4\r\n"
            "mode\r\n");
    ANSWERS(talk, "KULA.QUORUM RESET", "+OK\r\n");
    ANSWERS(talk, "KULA.QUORUM",
            "*8\r\n$1\r\nr\r\n:2\r\n$1\r\nw\r\n:1\r\n$4\r\nmode\r\n$6\r\n"
            "sloppy\r\n$3\r\nown\r\n*0\r\n");
    talk_free(talk);
}

CASE(quorum, what_is_wrong_is_named_and_changes_nothing)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "KULA.QUORUM R 1 W 0",
            "-ERR w must be a number from 1 to 8\r\n");
    ANSWERS(talk, "KULA.QUORUM R 9", "-ERR r must be a number from 1 to 8\r\n");
    ANSWERS(talk, "KULA.QUORUM R 1 R 2", "-ERR r must be said once\r\n");
    ANSWERS(talk, "KULA.QUORUM MODE lax",
            "-ERR mode must be sloppy or strict\r\n");
    ANSWERS(talk, "KULA.QUORUM R", "-ERR each name needs a value\r\n");
    ANSWERS(talk, "KULA.QUORUM X 1",
            "-ERR expected r, w, mode or conflict\r\n");
    ANSWERS(talk, "KULA.QUORUM CONFLICT lww",
            "-ERR a connection has no conflict policy\r\n");
    ANSWERS(talk, "KULA.QUORUM",
            "*8\r\n$1\r\nr\r\n:2\r\n$1\r\nw\r\n:2\r\n$4\r\nmode\r\n$6\r\n"
            "sloppy\r\n$3\r\nown\r\n*0\r\n");
    ANSWERS(talk, "MULTI", "+OK\r\n");
    ANSWERS(talk, "KULA.QUORUM R 1",
            "-ERR Command not allowed inside a transaction\r\n");
    talk_free(talk);
}

/* ---- prefixes ---- */

static void
adds(struct prefixes *prefixes, const char *name, const char *text)
{
    struct prefix_rule rule;
    struct bytes words[8];
    char why[PREFIX_WHY_BYTES] = "";
    uint32_t count = 0;
    const char *at = text;

    for (; *at != '\0'; at += *at == ' ') {
        const char *end = strchr(at, ' ');
        size_t size = end != NULL ? (size_t)(end - at) : strlen(at);

        words[count++] = bytes_of(at, size);
        at += size;
    }
    cr_assert(prefix_rule_init(&rule, bytes_str(name)));
    cr_assert(prefix_rule_parse(&rule, words, count, why), "%s", why);
    cr_assert(prefixes_add(prefixes, &rule));
}

static uint32_t
r_of(const struct prefixes *prefixes, const char *key)
{
    const struct prefix_rule *rule = prefixes_find(prefixes, bytes_str(key));

    return rule != NULL ? rule->quorum.r : 0;
}

CASE(prefix, the_longest_one_is_found)
{
    struct prefixes prefixes = {0};

    adds(&prefixes, "a:b:", "r 3");
    adds(&prefixes, "a", "r 1");
    adds(&prefixes, "a:", "r 2");
    adds(&prefixes, "a:b:c:d", "r 4");
    cr_expect(eq(u32, r_of(&prefixes, "a:b:c"), 3));
    cr_expect(eq(u32, r_of(&prefixes, "a:b"), 2));
    cr_expect(eq(u32, r_of(&prefixes, "a:b:c:d"), 4));
    cr_expect(eq(u32, r_of(&prefixes, "ab"), 1));
    cr_expect(eq(u32, r_of(&prefixes, "b"), 0));
    cr_expect(eq(u32, r_of(&prefixes, ""), 0));
    adds(&prefixes, "\xff\xfe", "r 5");
    cr_expect(eq(u32, r_of(&prefixes, "\xff\xfe\xfd"), 5));
    cr_expect(eq(u32, r_of(&prefixes, "\xff"), 0));
}

CASE(prefix, a_rule_is_printed_as_it_is_read)
{
    static const char *const texts[] = {"r 1", "w 8 mode sloppy",
                                        "r 2 w 2 mode strict conflict lww",
                                        "conflict lww", "mode strict"};
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        struct prefixes prefixes = {0};
        struct buf out = {0};

        adds(&prefixes, "x", texts[i]);
        prefix_rule_print(&prefixes.rules[0], &out);
        buf_must_add(&out, "", 1);
        cr_expect(eq(str, out.data, (char *)(uintptr_t)texts[i]));
        buf_deinit(&out);
    }
}

CASE(prefix, a_node_without_a_ring_has_none)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "KULA.PREFIX LIST", "*0\r\n");
    ANSWERS(talk, "KULA.PREFIX GET a", "$-1\r\n");
    ANSWERS(talk, "KULA.PREFIX DEL a", "-ERR there is no such prefix\r\n");
    ANSWERS(talk, "KULA.PREFIX SET a r 1",
            "-ERR nothing is known of a ring here\r\n");
    ANSWERS(talk, "KULA.PREFIX SET a", "-ERR syntax error\r\n");
    ANSWERS(talk, "KULA.PREFIX SET a n 3",
            "-ERR nothing is said besides n: name r, w, mode, conflict\r\n");
    ANSWERS(talk, "KULA.PREFIX SET a n 2 r 1",
            "-ERR n must be 3, as replicas says: other numbers of copies for a "
            "prefix are not supported yet\r\n");
    ANSWERS(talk, "KULA.PREFIX SET a conflict siblings",
            "-ERR the conflict policy is the ring's: conflict-policy\r\n");
    ANSWERS(talk,
            "KULA.PREFIX SET 12345678901234567890123456789012345678901234567890"
            "123456789012345 r 1",
            "-ERR a prefix has 1 to 64 bytes\r\n");
    talk_free(talk);
}
