#include "unit/session/talk.h"

static char *
repeat(const char *text, uint32_t count, size_t *size)
{
    struct buf all = {0};

    for (uint32_t i = 0; i < count; i++)
        buf_must_add(&all, text, strlen(text));
    *size = all.used;
    return all.data;
}

CASE(session, a_pipeline_is_answered_in_order)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "SET a 1\r\nGET a\r\nINCR a\r\nGET b\r\nPING\r\n",
         "+OK\r\n$1\r\n1\r\n:2\r\n$-1\r\n+PONG\r\n");
    talk_end(&talk);
}

CASE(session, the_bytes_may_be_cut_anywhere)
{
    static const char text[] =
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\nGET k\r\n"
        "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$6\r\nSTRLEN\r\n$1\r\nk\r\n";
    size_t cut, rest;

    for (cut = 0; cut < sizeof(text); cut++) {
        for (rest = cut; rest < sizeof(text); rest += 7) {
            struct talk talk;
            struct talk_peer *peer;

            talk_start(&talk, 1);
            peer = talk_open(&talk, 0);
            talk_bytes(peer, text, cut);
            talk_bytes(peer, text + cut, rest - cut);
            talk_bytes(peer, text + rest, sizeof(text) - 1 - rest);
            cr_assert(eq(str, talk_heard(peer),
                         "+OK\r\n$5\r\nhello\r\n$5\r\nhello\r\n:5\r\n"));
            cr_assert(eq(sz, peer->session->query.used, 0));
            talk_end(&talk);
            if (cut % 9 != 0) break;
        }
    }
}

CASE(session, one_byte_at_a_time_is_enough)
{
    static const char text[] = "*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\nPING\r\n";
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        talk_bytes(peer, &text[i], 1);
    cr_expect(eq(str, talk_heard(peer), "$3\r\nabc\r\n+PONG\r\n"));
    talk_end(&talk);
}

CASE(session, many_batches_make_one_turn)
{
    struct talk talk;
    struct talk_peer *peer;
    size_t size;
    char *text =
        repeat("INCR n\r\n*2\r\n$4\r\nINCR\r\n$1\r\nm\r\n", 1000, &size);

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    talk_bytes(peer, text, size);
    mem_free(text);
    (void)talk_heard(peer);
    SAYS(peer, "GET n\r\nGET m\r\n", "$4\r\n1000\r\n$4\r\n1000\r\n");
    talk_end(&talk);
}

CASE(session, slow_commands_leave_others_their_turn)
{
    struct talk talk;
    struct talk_peer *peer;
    double before = ticks_per_us;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    ticks_off = false;
    ticks_per_us = 1e-9; /* every command takes longer than a turn */
    talk_bytes(peer, "PING\r\nPING\r\n*1\r\n$4\r\nPI", 22);
    cr_expect(eq(str, talk_heard(peer), (char *)"+PONG\r\n"));
    cr_expect(worker_has_backlog(peer->worker));
    cr_expect(not(session_may_read(peer->session)));
    SAYS(peer, "", "+PONG\r\n");
    cr_expect(session_may_read(peer->session));
    SAYS(peer, "NG\r\n", "+PONG\r\n");
    ticks_per_us = before;
    ticks_off = true;
    talk_end(&talk);
}

CASE(session, a_batch_looks_again_at_what_its_commands_change)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "SET k 0\r\n", "+OK\r\n");
    SAYS(peer,
         "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
         "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n"
         "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
         "*1\r\n$4\r\nQUIT\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
         "+OK\r\n$-1\r\n+OK\r\n+OK\r\n$1\r\n0\r\n+OK\r\n");
    cr_expect(peer->session == NULL);
    talk_end(&talk);
}

CASE(session, what_came_before_a_protocol_error_is_answered)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "PING\r\n*1\r\n!\r\nPING\r\n",
         "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    cr_expect(peer->session == NULL);
    talk_end(&talk);
}

CASE(session, a_client_that_does_not_read_is_not_served)
{
    struct talk talk;
    struct talk_peer *peer;
    size_t size;
    char *text;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "SETRANGE big 99999 x\r\n", ":100000\r\n");
    peer->takes = 0;
    text = repeat("GET big\r\n", 1000, &size);
    talk_bytes(peer, text, size);
    mem_free(text);
    cr_expect(not(session_may_read(peer->session)));
    cr_expect(not(worker_has_backlog(peer->worker)));
    cr_expect(peer->session->client.out_used < 1300 * 1000);

    peer->takes = SIZE_MAX;
    talk_flush(peer);
    talk_settle(&talk);
    cr_expect(session_may_read(peer->session));
    cr_expect(eq(sz, peer->heard.used,
                 1000 * (sizeof("$100000\r\n") - 1 + 100 * 1000 + 2)));
    cr_expect(eq(sz, peer->session->client.out_room, 0));
    talk_end(&talk);
}

CASE(session, too_much_output_kills)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_CLIENT_OUTPUT_BUFFER_LIMIT, "normal 100 50 2");
    peer = talk_open(&talk, 0);
    peer->takes = 0;
    talk_bytes(peer, "ECHO 0123456789012345678901234567890123456789\r\n", 47);
    talk_bytes(peer, "ECHO 0123456789\r\n", 17);
    cr_assert(peer->session != NULL);
    talk_time(&talk, 3500);
    worker_tick(peer->worker, 0);
    talk_settle(&talk);
    cr_expect(peer->session == NULL); /* the soft limit for two seconds */

    peer = talk_open(&talk, 0);
    peer->takes = 0;
    for (int i = 0; i < 5 && peer->session != NULL; i++)
        talk_bytes(peer, "ECHO 012345678901234567890\r\n", 28);
    cr_expect(peer->session == NULL); /* the hard one at once */
    talk_end(&talk);
}

CASE(session, one_large_value_reaches_a_slow_reader)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_CLIENT_OUTPUT_BUFFER_LIMIT, "normal 2mb 0 0");
    peer = talk_open(&talk, 0);
    SAYS(peer, "SETRANGE big 2999999 x\r\n", ":3000000\r\n");
    peer->takes = 10 * 1000;
    talk_bytes(peer, "GET big\r\nGET big\r\nPING\r\n", 24);
    for (int i = 0; i < 1000 && peer->session != NULL; i++) {
        talk_flush(peer);
        talk_settle(&talk);
    }
    cr_assert(peer->session != NULL);
    cr_expect(eq(sz, peer->heard.used,
                 2 * (sizeof("$3000000\r\n\r\n") - 1 + 3000000) +
                     sizeof("+PONG\r\n") - 1));
    cr_expect(eq(sz, peer->session->client.out_room, 0));
    talk_end(&talk);
}

/* However fast the client reads: this much is never gathered for one. */
CASE(session, a_reply_of_too_many_values_kills)
{
    struct talk talk;
    struct talk_peer *peer;
    size_t size;
    char *text = repeat(" big", 100, &size);

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_CLIENT_OUTPUT_BUFFER_LIMIT, "normal 2mb 0 0");
    peer = talk_open(&talk, 0);
    SAYS(peer, "SETRANGE big 199999 x\r\n", ":200000\r\n");
    SAYS(peer, "MULTI\r\n", "+OK\r\n");
    for (int i = 0; i < 20; i++)
        SAYS(peer, "MGET big big big big big\r\n", "+QUEUED\r\n");
    talk_bytes(peer, "EXEC\r\n", 6);
    cr_expect(peer->session == NULL);
    cr_expect(peer->heard.used == 0);

    peer = talk_open(&talk, 0);
    talk_bytes(peer, "MGET big big big big big\r\n", 26);
    cr_expect(peer->session != NULL);
    peer->heard.used = 0;
    talk_bytes(peer, "MGET", 4);
    talk_bytes(peer, text, size);
    talk_bytes(peer, "\r\n", 2);
    cr_expect(peer->session == NULL);
    cr_expect(
        eq(u64,
           metric_get(&peer->worker->env->metrics.output_limit_disconnections),
           2));
    mem_free(text);
    talk_end(&talk);
}

CASE(session, a_large_bulk_is_received_where_it_stays)
{
    enum { PIECE = 64 * 1024, VALUE = 1000 * 1000 };
    struct talk talk;
    struct talk_peer *peer;
    size_t size, room = 0, left = VALUE - PIECE;
    char *text = repeat("x", PIECE, &size), *to;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    cr_expect(worker_room(peer->worker, peer->session, &room) == NULL);
    talk_bytes(peer, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n", 30);
    /* a declared length alone gets no memory */
    cr_expect(worker_room(peer->worker, peer->session, &room) == NULL);
    talk_bytes(peer, text, size);
    while ((to = worker_room(peer->worker, peer->session, &room)) != NULL) {
        cr_assert(room <= left + 2 && room > 0);
        cr_expect(peer->session->query.room <= 8 * (VALUE - left));
        if (room > left) room = left;
        memset(to, 'y', room);
        talk_bytes(peer, to, room);
        left -= room;
        if (left == 0) break;
    }
    cr_assert(left < PIECE);
    talk_bytes(peer, text, left);
    talk_bytes(peer, "\r\n", 2);
    cr_expect(eq(str, talk_heard(peer), (char *)"+OK\r\n"));
    SAYS(peer, "STRLEN a\r\nGETRANGE a 65534 65537\r\n",
         ":1000000\r\n$4\r\nxxyy\r\n");
    mem_free(text);
    talk_end(&talk);
}

CASE(session, too_much_query_kills)
{
    struct talk talk;
    struct talk_peer *peer;
    size_t size;
    char *text = repeat("x", 300 * 1000, &size);

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_CLIENT_QUERY_BUFFER_LIMIT, "1mb");
    peer = talk_open(&talk, 0);
    talk_bytes(peer, "*2\r\n$4\r\nECHO\r\n$2000000\r\n", 24);
    for (int i = 0; i < 3; i++)
        talk_bytes(peer, text, size);
    cr_expect(peer->session != NULL);
    talk_bytes(peer, text, size);
    cr_expect(peer->session == NULL);
    mem_free(text);
    talk_end(&talk);
}

CASE(session, idle_clients_give_memory_back)
{
    struct talk talk;
    struct talk_peer *peer;
    uint64_t before;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "PING\r\n", "+PONG\r\n");
    talk_bytes(peer, "*2\r\n$4\r\nECHO\r\n$9\r\n1234", 23);
    talk_bytes(peer, "56789\r\n", 7);
    before = mem_live_bytes();
    talk_time(&talk, 10000);
    worker_tick(peer->worker, 0);
    cr_expect(mem_live_bytes() < before);
    cr_expect(peer->session->parser.args == NULL);
    cr_expect(eq(sz, peer->session->query.room, 0));
    talk_end(&talk);
}

CASE(session, replies_can_be_switched_off)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer,
         "CLIENT REPLY OFF\r\nPING\r\nNOPE\r\nCLIENT REPLY ON\r\nPING\r\n"
         "CLIENT REPLY SKIP\r\nPING\r\nECHO x\r\n",
         "+OK\r\n+PONG\r\n$1\r\nx\r\n");
    talk_end(&talk);
}

CASE(session, a_pause_holds_commands_back_until_it_ends)
{
    struct talk talk;
    struct talk_peer *peer, *other;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    other = talk_open(&talk, 0);
    SAYS(other, "CLIENT PAUSE 500 WRITE\r\n", "+OK\r\n");
    SAYS(peer, "GET a\r\nSET a 1\r\nGET a\r\n", "$-1\r\n");
    cr_expect(not(session_may_read(peer->session)));
    cr_expect(eq(i64, worker_deadline_ms(peer->worker), 1500));
    talk_time(&talk, 1500);
    SAYS(peer, "", "+OK\r\n$1\r\n1\r\n");

    SAYS(other, "CLIENT PAUSE 100000\r\n", "+OK\r\n");
    SAYS(peer, "GET\r\nGET a\r\n",
         "-ERR wrong number of arguments for 'get' command\r\n");
    cr_expect(eq(i64, worker_deadline_ms(peer->worker), 101500));
    talk_close(peer);
    cr_expect(eq(i64, worker_deadline_ms(other->worker), INT64_MAX));
    talk_end(&talk);
}

CASE(session, strangers_authenticate_first)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_REQUIREPASS, "secret");
    peer = talk_open(&talk, 0);
    SAYS(peer, "GET a\r\nNOPE\r\nGET\r\nQUIT x\r\n",
         "-NOAUTH Authentication required.\r\n"
         "-ERR unknown command 'NOPE', with args beginning with: \r\n"
         "-ERR wrong number of arguments for 'get' command\r\n+OK\r\n");
    peer = talk_open(&talk, 0);
    SAYS(peer, "AUTH secret\r\n*11\r\n$3\r\nDEL\r\n", "+OK\r\n");
    cr_expect(peer->session != NULL);
    peer = talk_open(&talk, 0);
    SAYS(peer, "*11\r\n",
         "-ERR Protocol error: unauthenticated multibulk length\r\n");
    talk_end(&talk);
}

CASE(session, a_browser_is_hung_up_on)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "POST / HTTP/1.1\r\nSET a 1\r\n", "");
    cr_expect(peer->session == NULL);
    talk_end(&talk);
}
