#include "unit/session/talk.h"

static uint32_t
count(const char *text, const char *what)
{
    uint32_t found = 0;

    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        found++;
    return found;
}

CASE(node, client_list_speaks_of_all_workers_in_order)
{
    struct talk talk;
    struct talk_peer *peer;
    const char *list, *first, *last;

    talk_start(&talk, 3);
    (void)talk_open(&talk, 2);
    (void)talk_open(&talk, 1);
    peer = talk_open(&talk, 0);
    (void)talk_open(&talk, 1);
    list = talk_say(&talk, peer, "CLIENT LIST\r\n");
    cr_expect(eq(u32, count(list, "id="), 4));
    first = strstr(list, "id=1 addr=127.0.0.1:5000");
    last = strstr(list, "id=4 addr=127.0.0.1:5003");
    cr_assert(first != NULL && last != NULL);
    cr_expect(first < last);
    list = talk_say(&talk, peer, "CLIENT LIST ID 2 4\r\nPING\r\n");
    cr_expect(eq(u32, count(list, "id="), 2));
    cr_expect(eq(u32, count(list, "+PONG"), 1));
    talk_end(&talk);
}

CASE(node, a_list_above_the_output_limit_is_not_made)
{
    for (uint32_t workers = 1; workers <= 3; workers += 2) {
        struct talk talk;
        struct talk_peer *peer;

        talk_start(&talk, workers);
        talk_set(&talk, SETTING_CLIENT_OUTPUT_BUFFER_LIMIT, "normal 2000 0 0");
        for (uint32_t i = 0; i < 12; i++)
            (void)talk_open(&talk, i % workers);
        peer = talk_open(&talk, 0);
        SAYS(peer, "CLIENT LIST\r\n", "");
        cr_expect(peer->session == NULL);
        cr_expect(eq(u64, node_client_count(talk.node), 12));
        talk_end(&talk);
    }
}

CASE(node, client_kill_reaches_other_workers)
{
    struct talk talk;
    struct talk_peer *peer, *victim, *other;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    victim = talk_open(&talk, 1);
    other = talk_open(&talk, 1);
    SAYS(peer, "CLIENT KILL 127.0.0.1:5001\r\n", "+OK\r\n");
    cr_expect(victim->session == NULL);
    SAYS(peer, "CLIENT KILL 127.0.0.1:5001\r\n", "-ERR No such client\r\n");
    SAYS(peer, "CLIENT KILL TYPE normal\r\n", ":1\r\n");
    cr_expect(other->session == NULL);
    cr_expect(eq(u64, node_client_count(talk.node), 1));
    SAYS(peer, "CLIENT KILL ID 1 SKIPME no\r\nPING\r\n", ":1\r\n");
    cr_expect(peer->session == NULL);
    talk_end(&talk);
}

CASE(node, who_asked_may_be_gone_when_the_answer_comes)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    talk_bytes(peer, "CLIENT LIST\r\n", 13);
    cr_expect(not(session_may_read(peer->session)));
    talk_close(peer);
    talk_settle(&talk);
    talk_end(&talk);
}

CASE(node, a_full_inbox_delays_but_loses_nothing)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    talk.inbox_is_full = true;
    SAYS(peer, "CLIENT KILL ID 77\r\nPING\r\n", "");
    cr_expect(eq(i64, worker_deadline_ms(peer->worker), talk.now_ms + 1));
    talk.inbox_is_full = false;
    talk_time(&talk, 1002);
    SAYS(peer, "", ":0\r\n+PONG\r\n");
    talk_end(&talk);
}

CASE(node, monitors_see_the_commands_of_all_workers)
{
    struct talk talk;
    struct talk_peer *near, *far, *peer;
    const char *line =
        "+1800000001.000000 [0 127.0.0.1:5002] \"SET\" \"a\" \"x\\n\\xff\"\r\n";

    talk_start(&talk, 2);
    near = talk_open(&talk, 0);
    far = talk_open(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(near, "MONITOR\r\n", "+OK\r\n");
    SAYS(far, "MONITOR\r\n", "+OK\r\n");
    SAYS(peer, "SET a \"x\\n\\xff\"\r\nCONFIG GET x\r\nNOPE\r\n",
         "+OK\r\n*0\r\n"
         "-ERR unknown command 'NOPE', with args beginning with: \r\n");
    SAYS(near, "", line);
    SAYS(far, "", line);
    SAYS(near, "GET a\r\nPING\r\n",
         "-ERR Replica can't interact with the keyspace\r\n+PONG\r\n"
         "+1800000001.000000 [0 127.0.0.1:5000] \"PING\"\r\n");
    SAYS(near, "RESET\r\n", "+RESET\r\n");
    (void)talk_heard(far);
    SAYS(peer, "AUTH me secret\r\n",
         "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    SAYS(near, "", "");
    SAYS(far, "",
         "+1800000001.000000 [0 127.0.0.1:5002] \"AUTH\" \"(redacted)\" "
         "\"(redacted)\"\r\n");
    talk_close(far);
    cr_expect(eq(u32, atomic_load(&node_shared(talk.node)->monitor_count), 0));
    talk_end(&talk);
}

CASE(node, a_monitor_that_resets_is_counted_once)
{
    struct talk talk;
    struct talk_peer *near, *far;

    talk_start(&talk, 2);
    near = talk_open(&talk, 0);
    far = talk_open(&talk, 1);
    SAYS(far, "MONITOR\r\nRESET\r\nMONITOR\r\n", "+OK\r\n+RESET\r\n+OK\r\n");
    talk_close(far);
    SAYS(near, "MONITOR\r\n", "+OK\r\n");
    talk_bytes(near, "PING\r\n", 6);
    cr_expect(talk.inbox[1] == NULL); /* nobody listens there */
    talk_end(&talk);
}

CASE(node, sleepers_wake_each_at_its_time)
{
    struct talk talk;
    struct talk_peer *peers[3];

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_ENABLE_DEBUG_COMMAND, "yes");
    for (int i = 0; i < 3; i++)
        peers[i] = talk_open(&talk, 0);
    SAYS(peers[0], "DEBUG SLEEP 0.3\r\n", "");
    SAYS(peers[1], "DEBUG SLEEP 0.1\r\n", "");
    SAYS(peers[2], "DEBUG SLEEP 0.2\r\n", "");
    cr_expect(eq(i64, worker_deadline_ms(peers[0]->worker), 1100));
    talk_time(&talk, 1100);
    SAYS(peers[1], "", "+OK\r\n");
    SAYS(peers[2], "", "");
    cr_expect(eq(i64, worker_deadline_ms(peers[0]->worker), 1200));
    talk_close(peers[2]);
    talk_time(&talk, 1250);
    SAYS(peers[0], "", "");
    talk_time(&talk, 1300);
    SAYS(peers[0], "", "+OK\r\n");
    cr_expect(eq(i64, worker_deadline_ms(peers[0]->worker), INT64_MAX));
    SAYS(peers[1], "DEBUG SLEEP 0.1\r\n", "");
    cr_expect(eq(i64, worker_deadline_ms(peers[0]->worker), 1400));
    talk_end(&talk);
}

CASE(node, a_slow_reader_is_not_idle)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_TIMEOUT, "2");
    peer = talk_open(&talk, 0);
    SAYS(peer, "SETRANGE big 99999 x\r\n", ":100000\r\n");
    peer->takes = 10000;
    talk_bytes(peer, "GET big\r\n", 9);
    for (int i = 1; i <= 10 && peer->session != NULL; i++) {
        talk_time(&talk, 1000 + i * 1500);
        talk_flush(peer);
        worker_tick(peer->worker, 0);
        talk_settle(&talk);
    }
    cr_expect(peer->session != NULL);
    cr_expect(eq(sz, peer->heard.used, 7 + 100000 + 2 + 2));
    talk_time(&talk, 1000 + 10 * 1500 + 2500);
    worker_tick(peer->worker, 0);
    talk_settle(&talk);
    cr_expect(peer->session == NULL);
    talk_end(&talk);
}

CASE(node, a_sleeper_gets_its_reply_when_it_wakes)
{
    struct talk talk;
    struct talk_peer *peer, *other;

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_ENABLE_DEBUG_COMMAND, "yes");
    peer = talk_open(&talk, 0);
    other = talk_open(&talk, 0);
    SAYS(peer, "PING\r\nDEBUG SLEEP 0.5\r\nPING\r\n", "+PONG\r\n");
    SAYS(other, "PING\r\n", "+PONG\r\n");
    cr_expect(eq(i64, worker_deadline_ms(peer->worker), 1500));
    talk_time(&talk, 1499);
    SAYS(peer, "", "");
    talk_time(&talk, 1500);
    SAYS(peer, "", "+OK\r\n+PONG\r\n");
    cr_expect(eq(i64, worker_deadline_ms(peer->worker), INT64_MAX));
    SAYS(peer, "DEBUG SLEEP 5\r\n", "");
    talk_close(peer);
    cr_expect(eq(i64, worker_deadline_ms(other->worker), INT64_MAX));
    talk_end(&talk);
}

CASE(node, unpause_wakes_the_clients_of_all_workers)
{
    struct talk talk;
    struct talk_peer *peer, *held;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    held = talk_open(&talk, 1);
    SAYS(peer, "CLIENT PAUSE 100000 WRITE\r\n", "+OK\r\n");
    SAYS(held, "MULTI\r\nSET a 1\r\nEXEC\r\n", "+OK\r\n");
    SAYS(peer, "CLIENT UNPAUSE\r\n", "+OK\r\n");
    SAYS(held, "", "+QUEUED\r\n*1\r\n+OK\r\n");
    talk_end(&talk);
}

CASE(node, too_many_clients_are_refused)
{
    struct talk talk;
    struct open_info info = {
        .is_loopback = true, .address = "a", .local_address = "b"};
    const char *refusal;

    talk_start(&talk, 2);
    talk_set(&talk, SETTING_MAXCLIENTS, "2");
    (void)talk_open(&talk, 0);
    (void)talk_open(&talk, 1);
    cr_expect(worker_open(node_worker(talk.node, 0), &info, &refusal) == NULL);
    cr_expect(eq(str, (char *)refusal, "ERR max number of clients reached"));
    talk_close(&talk.peers[0]);
    (void)talk_open(&talk, 0);
    talk_end(&talk);
}

CASE(node, strangers_from_afar_are_refused_without_a_password)
{
    struct talk talk;
    struct open_info info = {.address = "a", .local_address = "b"};
    struct worker *worker;
    struct session *session;
    const char *refusal;

    talk_start(&talk, 1);
    worker = node_worker(talk.node, 0);
    cr_expect(worker_open(worker, &info, &refusal) == NULL);
    cr_expect(strncmp(refusal, "DENIED Redis is running in protected", 36) ==
              0);
    info.is_unix = true;
    session = worker_open(worker, &info, &refusal);
    cr_expect(session != NULL);
    info.is_unix = false;
    talk_set(&talk, SETTING_REQUIREPASS, "x");
    session = worker_open(worker, &info, &refusal);
    cr_expect(session != NULL);
    cr_expect(not(session->client.flags & CLIENT_AUTHENTICATED));
    talk_set(&talk, SETTING_REQUIREPASS, "");
    talk_set(&talk, SETTING_PROTECTED_MODE, "no");
    cr_expect(worker_open(worker, &info, &refusal) != NULL);
    talk_end(&talk);
}

CASE(node, idle_clients_are_closed_after_the_timeout)
{
    struct talk talk;
    struct talk_peer *peer, *busy;

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_TIMEOUT, "5");
    peer = talk_open(&talk, 0);
    busy = talk_open(&talk, 0);
    talk_time(&talk, 5000);
    SAYS(busy, "PING\r\n", "+PONG\r\n");
    worker_tick(busy->worker, 0);
    talk_settle(&talk);
    cr_expect(peer->session != NULL);
    talk_time(&talk, 6100);
    worker_tick(busy->worker, 0);
    talk_settle(&talk);
    cr_expect(peer->session == NULL);
    cr_expect(busy->session != NULL);
    talk_end(&talk);
}

CASE(node, buffers_of_clients_are_accounted_for)
{
    struct talk talk;
    struct talk_peer *peer;
    const struct metrics *metrics;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    metrics = &peer->worker->env->metrics;
    peer->takes = 3;
    talk_bytes(peer, "ECHO 0123456789\r\n*2\r\n$4\r\n", 25);
    cr_expect(metric_get(&metrics->client_buffers_bytes) >= 8 + 14);
    cr_expect(eq(u64, metric_get(&metrics->net_input_bytes), 25));
    cr_expect(eq(u64, metric_get(&metrics->net_output_bytes), 3));
    talk_close(peer);
    cr_expect(eq(u64, metric_get(&metrics->client_buffers_bytes), 0));
    cr_expect(eq(u64, metric_get(&metrics->clients_connected), 0));
    talk_end(&talk);
}

CASE(node, shutdown_is_an_effect)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "SHUTDOWN NOSAVE\r\n", "");
    cr_expect(talk.has_shut_down);
    talk_end(&talk);
}
