/*
 * All about a key at one look: for what stands around every write and read of
 * a ring, where each search counts.
 */
#include "store/inside.h"
#include "store/replicate.h"

bool
store_look(struct store *store, const struct store_key *key, int64_t wall_ms,
           struct store_sight *sight)
{
    struct found found = inside_find(store, key);
    const struct object *object;

    if (found.place.bucket == NULL) {
        sight->version = 0;
        sight->newest = STAMP_NEVER;
        return false;
    }
    object = place_object(found.place);
    sight->version = object_version(object);
    sight->newest = object_newest(object);
    inside_record(object, wall_ms, &sight->record);
    return true;
}
