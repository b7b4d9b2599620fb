#include "unit/session/talk.h"

CASE(multi, queued_commands_run_together)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    SAYS(peer, "MULTI\r\nSET a b\r\nINCR a\r\nGET a\r\nEXEC\r\n",
         "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n"
         "-ERR value is not an integer or out of range\r\n$1\r\nb\r\n");
    SAYS(peer, "MULTI\r\nEXEC\r\n", "+OK\r\n*0\r\n");
    talk_end(&talk);
}

CASE(multi, nothing_happens_before_exec_or_after_discard)
{
    struct talk talk;
    struct talk_peer *peer, *other;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    other = talk_open(&talk, 0);
    SAYS(peer, "MULTI\r\nSET a 1\r\n", "+OK\r\n+QUEUED\r\n");
    SAYS(other, "GET a\r\n", "$-1\r\n");
    SAYS(peer, "DISCARD\r\nGET a\r\nDISCARD\r\n",
         "+OK\r\n$-1\r\n-ERR DISCARD without MULTI\r\n");
    talk_end(&talk);
}

CASE(multi, a_refused_command_spoils_all)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "MULTI\r\nSET a 1\r\nNOPE\r\nSET b 1\r\nEXEC\r\nEXISTS a b\r\n",
         "+OK\r\n+QUEUED\r\n"
         "-ERR unknown command 'NOPE', with args beginning with: \r\n"
         "+QUEUED\r\n"
         "-EXECABORT Transaction discarded because of previous errors.\r\n"
         ":0\r\n");
    SAYS(peer, "MULTI\r\nEXEC 1\r\nEXEC\r\n",
         "+OK\r\n-EXECABORT Transaction discarded because of: wrong number of "
         "arguments for 'exec' command\r\n-ERR EXEC without MULTI\r\n");
    talk_end(&talk);
}

CASE(multi, nesting_and_watching_inside_is_refused_but_harmless)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "MULTI\r\nMULTI\r\nWATCH a\r\nSET a 1\r\nUNWATCH\r\nEXEC\r\n",
         "+OK\r\n-ERR MULTI calls can not be nested\r\n"
         "-ERR WATCH inside MULTI is not allowed\r\n+QUEUED\r\n+QUEUED\r\n"
         "*2\r\n+OK\r\n+OK\r\n");
    talk_end(&talk);
}

CASE(multi, exec_fails_when_a_watched_key_has_changed)
{
    struct talk talk;
    struct talk_peer *peer, *other;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    other = talk_open(&talk, 1);
    SAYS(peer, "SET a 1\r\nWATCH a b a\r\n", "+OK\r\n+OK\r\n");
    SAYS(other, "SET a 2\r\n", "+OK\r\n");
    SAYS(peer, "MULTI\r\nSET c 1\r\nEXEC\r\nEXISTS c\r\n",
         "+OK\r\n+QUEUED\r\n*-1\r\n:0\r\n");
    /* that EXEC forgot what was watched */
    SAYS(other, "SET a 3\r\n", "+OK\r\n");
    SAYS(peer, "MULTI\r\nGET a\r\nEXEC\r\n",
         "+OK\r\n+QUEUED\r\n*1\r\n$1\r\n3\r\n");
    talk_end(&talk);
}

CASE(multi, what_counts_as_a_change)
{
    static const struct {
        const char *before, *change;
        bool is_one;
    } rows[] = {
        {"SET w 1\r\n", "GET w\r\n", false},
        {"SET w 1\r\n", "SET w 1\r\n", true},
        {"SET w 1\r\n", "DEL w\r\n", true},
        {"SET w 1\r\n", "EXPIRE w 100\r\n", true},
        {"SET w 1\r\n", "FLUSHALL\r\n", true},
        {"SET w 1\r\n", "SET other 1\r\n", false},
        {"DEL w\r\n", "DEL w\r\n", false},
        {"DEL w\r\n", "SET w 1\r\n", true},
        {"DEL w\r\n", "INCR w\r\n", true},
        {"SET w 1 PX 100\r\n", "", false},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct talk talk;
        struct talk_peer *peer, *other;
        char *heard;

        talk_start(&talk, 1);
        peer = talk_open(&talk, 0);
        other = talk_open(&talk, 0);
        (void)talk_say(&talk, other, rows[i].before);
        SAYS(peer, "WATCH w\r\n", "+OK\r\n");
        (void)talk_say(&talk, other, rows[i].change);
        heard = talk_say(&talk, peer, "MULTI\r\nPING\r\nEXEC\r\n");
        cr_expect(eq(str, heard,
                     rows[i].is_one ? "+OK\r\n+QUEUED\r\n*-1\r\n"
                                    : "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n"),
                  "row %zu", i);
        talk_end(&talk);
    }
}

CASE(multi, a_watched_key_that_expires_has_changed)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "SET a 1 PX 100\r\nWATCH a\r\n", "+OK\r\n+OK\r\n");
    talk_time(&talk, 2000);
    SAYS(peer, "MULTI\r\nPING\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*-1\r\n");
    talk_end(&talk);
}

CASE(multi, the_database_may_change_on_the_way)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer,
         "MULTI\r\nSET a 0\r\nSELECT 1\r\nSET a 1\r\nEXEC\r\nGET a\r\n"
         "SELECT 0\r\nGET a\r\n",
         "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n+OK\r\n"
         "$1\r\n1\r\n+OK\r\n$1\r\n0\r\n");
    talk_end(&talk);
}

CASE(multi, commands_over_the_keyspace_find_every_lock_held)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    SAYS(peer,
         "MULTI\r\nSET a 1\r\nDBSIZE\r\nKEYS *\r\nFLUSHALL\r\nRANDOMKEY\r\n"
         "MSET a 1 b 2\r\nEXEC\r\nDBSIZE\r\n",
         "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"
         "+QUEUED\r\n*6\r\n+OK\r\n:1\r\n*1\r\n$1\r\na\r\n+OK\r\n$-1\r\n+OK\r\n"
         ":2\r\n");
    talk_end(&talk);
}

CASE(multi, reset_and_the_end_of_the_connection_forget_all)
{
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    SAYS(peer, "WATCH a b c d e\r\nMULTI\r\nSET a 1\r\nRESET\r\nEXEC\r\n",
         "+OK\r\n+OK\r\n+QUEUED\r\n+RESET\r\n-ERR EXEC without MULTI\r\n");
    SAYS(peer, "WATCH a\r\nMULTI\r\nSET a 1\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
    talk_close(peer);
    talk_end(&talk);
}

CASE(multi, what_is_queued_and_watched_is_limited)
{
    struct talk talk;
    struct talk_peer *peer;
    char text[1100 + 16];
    int i;

    talk_start(&talk, 1);
    talk_set(&talk, SETTING_CLIENT_QUERY_BUFFER_LIMIT, "1mb");
    peer = talk_open(&talk, 0);
    memset(text, 'x', sizeof(text));
    memcpy(text, "ECHO ", 5);
    memcpy(text + 1100, "\r\n", 3);
    SAYS(peer, "MULTI\r\n", "+OK\r\n");
    for (i = 0; i < 1100; i++)
        (void)talk_say(&talk, peer, text);
    SAYS(peer, "EXEC\r\n",
         "-EXECABORT Transaction discarded because of previous errors.\r\n");
    talk_end(&talk);
}

CASE(multi, client_list_shows_a_running_transaction)
{
    struct talk talk;
    struct talk_peer *peer;
    const char *text;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    text = talk_say(&talk, peer, "MULTI\r\nCLIENT INFO\r\nSET a b\r\nEXEC\r\n");
    cr_expect(strstr(text, " flags=x db=0 ") != NULL, "%s", text);
    cr_expect(strstr(text, " multi=2 ") != NULL, "%s", text);
    cr_expect(strstr(text, " cmd=exec ") != NULL, "%s", text);
    text = talk_say(&talk, peer, "CLIENT INFO\r\n");
    cr_expect(strstr(text, " flags=N db=0 ") != NULL, "%s", text);
    cr_expect(strstr(text, " multi=-1 ") != NULL, "%s", text);
    talk_end(&talk);
}

CASE(multi, a_key_that_was_set_only_to_expire_has_changed)
{
    struct talk talk;
    struct talk_peer *peer, *other;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    other = talk_open(&talk, 1);
    SAYS(peer, "WATCH a\r\n", "+OK\r\n");
    SAYS(other, "SET a 1 PXAT 1\r\nEXISTS a\r\n", "+OK\r\n:0\r\n");
    SAYS(peer, "MULTI\r\nPING\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*-1\r\n");
    talk_end(&talk);
}

CASE(multi, a_bitfield_that_changes_nothing_is_no_change)
{
    struct talk talk;
    struct talk_peer *peer, *other;

    talk_start(&talk, 1);
    peer = talk_open(&talk, 0);
    other = talk_open(&talk, 0);
    SAYS(peer, "SET a a\r\nWATCH a\r\n", "+OK\r\n+OK\r\n");
    SAYS(other, "BITFIELD a SET u8 0 97 INCRBY u8 0 0\r\n",
         "*2\r\n:97\r\n:97\r\n");
    SAYS(peer, "MULTI\r\nPING\r\nEXEC\r\n",
         "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
    SAYS(peer, "WATCH a\r\n", "+OK\r\n");
    SAYS(other, "BITFIELD a SET u8 0 98 SET u8 0 97\r\n",
         "*2\r\n:97\r\n:98\r\n");
    SAYS(peer, "MULTI\r\nGET a\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*-1\r\n");
    talk_end(&talk);
}

/* The loop closes a client that is to be closed as soon as nothing is unsent:
 * so it must not be told before the answer is there. */
CASE(client, who_kills_itself_hears_the_answer_first)
{
    static const char line[] = "CLIENT KILL ID 1 SKIPME no\r\n";
    struct talk talk;
    struct talk_peer *peer;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    talk_bytes(peer, line, sizeof(line) - 1);
    cr_expect(eq(u32,
                 peer->session->client.flags & (CLIENT_WAITING | CLIENT_CLOSE),
                 CLIENT_WAITING));
    talk_settle(&talk);
    cr_expect(eq(str, talk_heard(peer), (char *)":1\r\n"));
    cr_expect(peer->session == NULL);
    talk_end(&talk);
}

CASE(client, list_by_id_is_in_order_over_all_workers)
{
    struct talk talk;
    struct talk_peer *peer;
    const char *text, *at;

    talk_start(&talk, 2);
    peer = talk_open(&talk, 0);
    (void)talk_open(&talk, 1);
    text = talk_say(&talk, peer, "CLIENT LIST ID 2 9 1 2\r\n");
    at = strstr(text, "id=2 ");
    if (at != NULL) at = strstr(at, "\nid=1 ");
    if (at != NULL) at = strstr(at, "\nid=2 ");
    cr_expect(at != NULL, "%s", text);
    talk_end(&talk);
}
