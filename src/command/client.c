#include "command/client.h"

#include "base/memory.h"
#include "command/multi.h"

void
client_init(struct client *client, uint64_t id, int64_t now_ms)
{
    memset(client, 0, sizeof(*client));
    client->id = id;
    client->proto = 2;
    client->fd = -1;
    client->created_ms = client->last_ms = now_ms;
}

void
client_deinit(struct client *client)
{
    multi_discard(client);
    mem_free(client->name);
    mem_free(client->lib_name);
    mem_free(client->lib_version);
    client->name = client->lib_name = client->lib_version = NULL;
}
