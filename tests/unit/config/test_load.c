#include "base/err.h"
#include "config/settings.h"
#include "support/case.h"

#include <string.h>

/* Loads `text` as the file "k.conf" and gives its problems, terminated. */
static uint32_t
load(struct settings *settings, const char *text, struct buf *problems,
     settings_include *include)
{
    uint32_t count = settings_load(settings, "k.conf", bytes_str(text), 0,
                                   include, NULL, problems);

    buf_must_add(problems, "", 1);
    return count;
}

static void
expect_problem(const char *text, const char *expected)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};

    cr_expect(eq(u32, load(settings, text, &problems, NULL), 1));
    cr_expect(strcmp(problems.data, expected) == 0, "%s", problems.data);
    buf_deinit(&problems);
    settings_free(settings);
}

CASE(load, a_misspelt_directive_gets_a_suggestion)
{
    expect_problem("# x\n\nmaxmemry 1gb\n",
                   "k.conf:3: 'maxmemry 1gb': unknown directive (did you mean "
                   "'maxmemory'?)\n");
    expect_problem("prot 1", "k.conf:1: 'prot 1': unknown directive (did you "
                             "mean 'port'?)\n");
    expect_problem("io_threads 2\n", "k.conf:1: 'io_threads 2': unknown "
                                     "directive (did you mean 'io-threads'?)"
                                     "\n");
    expect_problem("completely-elsewhere 2\n",
                   "k.conf:1: 'completely-elsewhere 2': unknown directive\n");
}

CASE(load, each_problem_names_file_line_and_reason)
{
    expect_problem("port 99999\n", "k.conf:1: 'port 99999': argument must be "
                                   "between 0 and 65535 inclusive\n");
    expect_problem("\nsave \"60 1\n",
                   "k.conf:2: 'save \"60 1': Unbalanced quotes in "
                   "configuration line\n");
    expect_problem("tls-port 6380\r\n",
                   "k.conf:1: 'tls-port 6380': not supported yet\n");
    expect_problem("slaveof a 1\n",
                   "k.conf:1: 'slaveof a 1': replication from a master is not "
                   "supported: remove the line, and let clients write to "
                   "Kula\n");
    expect_problem("loadmodule x.so\n", "k.conf:1: 'loadmodule x.so': modules "
                                        "are not supported: remove the line\n");
    expect_problem("include x\n",
                   "k.conf:1: 'include x': include is not possible here\n");
}

CASE(load, all_problems_of_a_file_are_told_at_once)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};

    cr_expect(eq(u32,
                 load(settings, "a 1\nport x\ntimeout 5\nb 2", &problems, NULL),
                 3));
    cr_expect(eq(i64, settings_int(settings, SETTING_TIMEOUT), 5));
    buf_deinit(&problems);
    settings_free(settings);
}

CASE(load, unknown_ones_can_be_let_through)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};

    cr_expect(eq(
        u32, load(settings, "unknown-directive warn\nfoo 1\n", &problems, NULL),
        0));
    buf_deinit(&problems);
    settings_free(settings);
}

CASE(load, lines_of_save_add_up_and_replace_the_default)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};
    char *text;

    cr_expect(eq(
        u32, load(settings, "save 60 100\nsave 3600 1\n", &problems, NULL), 0));
    text = settings_text(settings, SETTING_SAVE);
    cr_expect(eq(str, text, (char *)"60 100 3600 1"));
    mem_free(text);
    buf_deinit(&problems);
    cr_expect(eq(u32, load(settings, "save \"\"\n", &problems, NULL), 0));
    text = settings_text(settings, SETTING_SAVE);
    cr_expect(eq(str, text, (char *)""));
    mem_free(text);
    buf_deinit(&problems);
    settings_free(settings);
}

CASE(load, directives_without_effect_are_counted)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};

    cr_expect(eq(u32,
                 load(settings,
                      "port 1\nlfu-decay-time 2\nrepl-timeout 3\n"
                      "vm-enabled no\nlfu-decay-time 3\n",
                      &problems, NULL),
                 0));
    cr_expect(eq(u32, settings_kept_count(settings), 3));
    buf_deinit(&problems);
    settings_free(settings);
}

static settings_include include_more;

static uint32_t
include_more(void *context, struct bytes pattern, struct settings *settings,
             struct buf *problems, uint32_t depth)
{
    if (bytes_equal(pattern, bytes_str("loop"))) {
        return settings_load(settings, "loop", bytes_str("include loop\n"),
                             depth, include_more, context, problems);
    }
    return settings_load(settings, "more", bytes_str("timeout 7\nfoo\n"), depth,
                         include_more, context, problems);
}

CASE(load, an_included_file_takes_effect_at_its_place)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};

    cr_expect(eq(u32,
                 load(settings, "timeout 1\ninclude more\nport 5\n", &problems,
                      include_more),
                 1));
    cr_expect(
        eq(str, problems.data, (char *)"more:2: 'foo': unknown directive\n"));
    cr_expect(eq(i64, settings_int(settings, SETTING_TIMEOUT), 7));
    cr_expect(eq(i64, settings_int(settings, SETTING_PORT), 5));
    buf_deinit(&problems);
    settings_free(settings);
}

CASE(load, files_that_include_themselves_are_stopped)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};

    cr_expect(
        eq(u32, load(settings, "include loop\n", &problems, include_more), 1));
    cr_expect(eq(str, problems.data,
                 (char *)"loop:1: 'include loop': files include each other "
                         "too deeply\n"));
    buf_deinit(&problems);
    settings_free(settings);
}

CASE(load, the_command_line_becomes_lines_of_a_file)
{
    static const char *const args[] = {"--port",        "7000", "--save",
                                       "--bind",        "a b",  "-::1",
                                       "--requirepass", ""};
    struct buf lines = {0};

    cr_assert(eq(int, settings_from_arguments(args, ARRAY_LEN(args), &lines),
                 ERR_OK));
    buf_must_add(&lines, "", 1);
    cr_expect(eq(str, lines.data,
                 (char *)"port 7000\nsave \"\"\nbind \"a b\" -::1\n"
                         "requirepass \"\"\n"));
    buf_deinit(&lines);
    cr_expect(
        eq(int, settings_from_arguments(&args[1], 1, &lines), ERR_SYNTAX));
    buf_deinit(&lines);
}

CASE(load, seeds_on_several_lines_add_up)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};
    char *seeds;

    cr_expect(eq(u32,
                 load(settings,
                      "ring-seeds a:1 b:2\nRING-SEEDS c:3\n"
                      "ring-seeds \"d:4 e:5\"\n",
                      &problems, NULL),
                 0));
    seeds = settings_text(settings, SETTING_RING_SEEDS);
    cr_expect(eq(str, seeds, (char *)"a:1 b:2 c:3 d:4 e:5"));
    mem_free(seeds);
    buf_deinit(&problems);
    settings_free(settings);
    expect_problem("ring-seeds a\n", "k.conf:1: 'ring-seeds a': 'a' is not "
                                     "host:port\n");
}
