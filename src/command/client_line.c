#include "command/client_line.h"

#include "command/command.h"
#include "command/multi.h"

const char *
client_line_type(const struct client *client)
{
    (void)client;
    return "normal";
}

static void
flag_letters(const struct client *client, char out[16])
{
    static const struct {
        uint32_t flag;
        char letter;
    } letters[] = {
        {CLIENT_MONITOR, 'O'},    {CLIENT_MULTI, 'x'},
        {CLIENT_DIRTY_EXEC, 'd'}, {CLIENT_CLOSE, 'c'},
        {CLIENT_KILLED, 'A'},     {CLIENT_UNIX, 'U'},
        {CLIENT_NO_EVICT, 'e'},   {CLIENT_NO_TOUCH, 'T'},
    };
    uint32_t flags = client->flags;
    size_t used = 0, i;

    if (client->running != NULL) flags |= CLIENT_MULTI;
    for (i = 0; i < ARRAY_LEN(letters); i++) {
        if (flags & letters[i].flag) out[used++] = letters[i].letter;
    }
    if (used == 0) out[used++] = 'N';
    out[used] = '\0';
}

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void
client_line(const struct client *client, int64_t now_ms, struct buf *out)
{
    size_t query_free = client->query_room - client->query_used;
    size_t total = sizeof(*client) + client->query_room + client->out_room;
    char flags[16];

    flag_letters(client, flags);
    buf_must_printf(
        out,
        "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=%s "
        "db=%u sub=0 psub=0 ssub=0 multi=%lld qbuf=%zu qbuf-free=%zu "
        "argv-mem=0 "
        "multi-mem=%zu rbs=%zu rbp=%zu obl=%zu oll=0 omem=0 tot-mem=%zu "
        "events=r cmd=%s user=default redir=-1 resp=%u lib-name=%s lib-ver=%s",
        (unsigned long long)client->id, client->address, client->local_address,
        client->fd, or_empty(client->name),
        (long long)((now_ms - client->created_ms) / 1000),
        (long long)((now_ms - client->last_ms) / 1000), flags, client->db,
        (long long)multi_count(client), client->query_used, query_free,
        multi_bytes(client), client->out_room, client->out_room,
        client->out_used, total,
        client->last_command != NULL ? client->last_command->name : "NULL",
        client->proto, or_empty(client->lib_name),
        or_empty(client->lib_version));
}
