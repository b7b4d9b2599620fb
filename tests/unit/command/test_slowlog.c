#include "command/latency.h"
#include "command/slowlog.h"
#include "node/inside.h"
#include "unit/command/talk.h"

static void
with_debug(struct talk *talk)
{
    talk_set(talk, "enable-debug-command", "yes");
}

/* A call as cmd_run would have it. */
static struct cmd_call
call_of(struct talk *talk, const struct bytes *args, uint32_t arg_count)
{
    return (struct cmd_call){.env = talk->worker->env,
                             .client = &talk->session->client,
                             .spec = cmd_find(args, arg_count),
                             .args = args,
                             .arg_count = arg_count,
                             .wall_ms = talk->wall_ms};
}

CASE(slowlog, a_slow_command_is_kept_and_a_fast_one_not)
{
    struct talk *talk = talk_new(NULL);
    struct bytes args[] = {BYTES_LIT("GET"), BYTES_LIT("key")};
    struct cmd_call call = call_of(talk, args, 2);

    slowlog_note(&call, 9999);
    ANSWERS(talk, "SLOWLOG LEN", ":0\r\n");
    slowlog_note(&call, 10000);
    ANSWERS(talk, "SLOWLOG GET",
            "*1\r\n*6\r\n:0\r\n:1795269600\r\n:10000\r\n*2\r\n$3\r\nGET\r\n"
            "$3\r\nkey\r\n$15\r\n127.0.0.1:50000\r\n$0\r\n\r\n");
    ANSWERS(talk, "SLOWLOG RESET", "+OK\r\n");
    ANSWERS(talk, "SLOWLOG LEN", ":0\r\n");
    ANSWERS(talk, "SLOWLOG GET -2",
            "-ERR count should be greater than or equal to -1\r\n");
    talk_free(talk);
}

CASE(slowlog, long_arguments_and_many_are_cut)
{
    struct talk *talk = talk_new(NULL);
    struct bytes args[40];
    struct cmd_call call;
    char big[200];
    uint32_t i;

    memset(big, 'a', sizeof(big));
    args[0] = BYTES_LIT("MGET");
    for (i = 1; i < 40; i++)
        args[i] = bytes_of(big, sizeof(big));
    call = call_of(talk, args, 40);
    slowlog_note(&call, 20000);
    ANSWER_HAS(talk, "SLOWLOG GET", "*32\r\n$4\r\nMGET\r\n$147\r\naaa");
    ANSWER_HAS(talk, "SLOWLOG GET", "a... (72 more bytes)\r\n");
    ANSWER_HAS(talk, "SLOWLOG GET", "$22\r\n... (9 more arguments)\r\n");
    talk_free(talk);
}

CASE(slowlog, passwords_are_left_out)
{
    struct talk *talk = talk_new(NULL);
    struct bytes args[] = {BYTES_LIT("HELLO"), BYTES_LIT("3"),
                           BYTES_LIT("AUTH"), BYTES_LIT("default"),
                           BYTES_LIT("sesame")};
    struct bytes set[] = {BYTES_LIT("CONFIG"), BYTES_LIT("SET"),
                          BYTES_LIT("requirepass"), BYTES_LIT("sesame")};
    struct cmd_call call = call_of(talk, args, 5);

    slowlog_note(&call, 20000);
    call = call_of(talk, set, 4);
    slowlog_note(&call, 20000);
    cr_expect(strstr(talk_ask(talk, "SLOWLOG GET"), "sesame") == NULL);
    ANSWER_HAS(talk, "SLOWLOG GET", "(redacted)");
    talk_free(talk);
}

CASE(slowlog, it_never_grows_beyond_its_length)
{
    struct talk *talk = talk_new(NULL);
    struct bytes args[] = {BYTES_LIT("PING")};
    struct cmd_call call = call_of(talk, args, 1);
    uint32_t i;

    for (i = 0; i < 200; i++)
        slowlog_note(&call, 20000);
    ANSWERS(talk, "SLOWLOG LEN", ":128\r\n");
    ANSWER_HAS(talk, "SLOWLOG GET 1", "*1\r\n*6\r\n:199\r\n");
    talk_free(talk);
}

CASE(latency, spikes_are_kept_one_per_second)
{
    struct talk *talk = talk_new(with_debug);
    struct cmd_shared *shared = node_shared(talk->node);

    latency_note(shared, "command", 500, talk->wall_ms);
    ANSWERS(talk, "LATENCY LATEST", "*0\r\n");
    ANSWERS(talk, "CONFIG SET latency-monitor-threshold 100", "+OK\r\n");
    latency_note(shared, "command", 99, talk->wall_ms);
    latency_note(shared, "command", 500, talk->wall_ms);
    latency_note(shared, "command", 300, talk->wall_ms + 10);
    latency_note(shared, "command", 200, talk->wall_ms + 1000);
    ANSWERS(talk, "LATENCY LATEST",
            "*1\r\n*4\r\n$7\r\ncommand\r\n:1795269601\r\n:200\r\n:500\r\n");
    ANSWERS(talk, "LATENCY HISTORY command",
            "*2\r\n*2\r\n:1795269600\r\n:500\r\n*2\r\n:1795269601\r\n"
            ":200\r\n");
    ANSWER_HAS(talk, "LATENCY GRAPH command", "command - high 500 ms, low");
    ANSWERS(talk, "LATENCY RESET command", ":1\r\n");
    ANSWERS(talk, "LATENCY HISTORY command", "*0\r\n");
    talk_free(talk);
}

CASE(latency, histograms_count_calls)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "LATENCY HISTOGRAM get", "*0\r\n");
    ANSWERS(talk, "GET a", "$-1\r\n");
    ANSWER_HAS(talk, "LATENCY HISTOGRAM get",
               "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:1\r\n"
               "$14\r\nhistogram_usec\r\n*2\r\n");
    talk_free(talk);
}

CASE(slowlog, the_threshold_counts_for_the_command_that_sets_it)
{
    struct talk *talk = talk_new(NULL);

    ANSWERS(talk, "CONFIG SET slowlog-log-slower-than 0", "+OK\r\n");
    ANSWERS(talk, "SLOWLOG LEN", ":1\r\n");
    ANSWERS(talk, "CONFIG SET slowlog-log-slower-than -1", "+OK\r\n");
    ANSWERS(talk, "SLOWLOG LEN", ":2\r\n");
    talk_free(talk);
}
