/*
 * All about a key at one look: for what stands around every write and read of
 * a ring, where each search counts. And what a new write upon it has seen.
 */
#include "store/inside.h"
#include "store/replicate.h"
#include "version/counter.h"

const struct tail *
inside_tail(const struct object *object, struct tail *room)
{
    if (LIKELY(!(object->flags & (OBJECT_VECTOR | OBJECT_SIBLINGS))))
        return NULL;
    room->vector = object_vector(object);
    room->siblings = object_siblings(object);
    return room;
}

const struct tail *
inside_see(const struct store *store, const struct found *found,
           const struct object *object, int64_t wall_ms, struct tail *tail)
{
    struct vector *room = &tail->room;
    uint32_t slot = slot_index(store, found->slot);

    room->count = 0;
    if (object->flags & OBJECT_TOMBSTONE) {
        vector_see(room, object->stamp);
    } else {
        switch (object_type(object)) {
        case OBJECT_STRING: vector_see(room, object->stamp); break;
        case OBJECT_COUNTER: counter_see(object_value(object), room); break;
        }
    }
    siblings_see(object_siblings(object), room);
    /* what all have, and everywhere, nobody has anything older than */
    if (!inside_may_purge(store, slot, object_newest(object), wall_ms))
        vector_see_all(room, object_vector(object));
    vector_drop(room, store->node);
    tail->vector = vector_bytes(room);
    tail->siblings = bytes_of(NULL, 0);
    return room->count > 0 ? tail : NULL;
}

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
