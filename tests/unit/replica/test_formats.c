/* Payloads to the byte, and bytes that make no sense. */
#include "world.h"

#include "base/rng.h"
#include "replica/slots.h"

#include <stdio.h>
#include <stdlib.h>

enum { GOLDEN_MAX = 8192 };

/* A line of hexadecimal digits per payload, as tests/golden keeps them. */
static void
put_line(struct buf *out, const char *name, struct bytes payload)
{
    size_t i;

    buf_must_printf(out, "%s ", name);
    for (i = 0; i < payload.size; i++) {
        buf_must_printf(out, "%02x", (unsigned)(uint8_t)payload.data[i]);
    }
    buf_must_printf(out, "\n");
}

static const char *
frame_name(uint8_t type)
{
    switch (type) {
    case FRAME_TENURE: return "TENURE";
    case FRAME_PROMISE: return "PROMISE";
    case FRAME_DIGESTS: return "DIGESTS";
    case FRAME_DIGESTS_ANSWER: return "DIGESTS_ANSWER";
    case FRAME_RANGE: return "RANGE";
    case FRAME_RANGE_ANSWER: return "RANGE_ANSWER";
    case FRAME_REPAIRED: return "REPAIRED";
    default: return "?";
    }
}

/* The first frames of each type in a small run are the golden ones. */
static void
record_run(struct buf *out)
{
    struct world *world = world_new(2, 2, 1, 1);
    uint32_t seen[64] = {0}, i, step;

    world_map(world, true);
    world_put(world, 1, 1u << 2, "k", "equal");
    world_put(world, 1, 0, "a", "one");
    world_put(world, 2, 0, "b", "two");
    for (step = 0; step < 3000; step++) {
        world_run(world, 1);
        for (i = 0; i < world->queued; i++) {
            const struct message *message = &world->queue[i];
            uint8_t type = message->frame.type;

            if (type >= 64 || seen[type]++ >= 2) continue;
            put_line(out, frame_name(type), message->frame.payload);
        }
    }
    world_free(world);
}

static size_t
read_golden(char *text)
{
    char path[256];
    const char *top = getenv("KULA_TOP_SRCDIR");
    size_t size;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/tests/golden/keeper-frames",
                   top != NULL ? top : ".");
    file = fopen(path, "rb");
    cr_assert(file != NULL, "%s", path);
    size = fread(text, 1, GOLDEN_MAX, file);
    (void)fclose(file);
    return size;
}

CASE(formats, frames_of_a_small_run_are_the_golden_ones)
{
    static char golden[GOLDEN_MAX];
    struct buf out = {0};
    size_t size = read_golden(golden);
    size_t i = 0;

    record_run(&out);
    while (i < size && i < out.used && golden[i] == out.data[i])
        i++;
    cr_expect(size == out.used && i == size,
              "%zu bytes for %zu, the first difference at %zu:\n%.*s", out.used,
              size, i, (int)out.used, out.data);
    buf_deinit(&out);
}

/* ---- bytes of no sense ---- */

static const uint8_t types[] = {FRAME_TENURE, FRAME_DIGESTS, FRAME_RANGE,
                                FRAME_REPAIRED, FRAME_EVICT};
static const uint8_t answers[] = {FRAME_PROMISE, FRAME_DIGESTS_ANSWER,
                                  FRAME_RANGE_ANSWER};

static void
feed(struct world *world, uint8_t type, struct bytes payload, struct buf *out)
{
    struct frame frame = {.type = type, .payload = payload};
    uint8_t answer;

    out->used = 0;
    (void)keeper_answer(world->nodes[1].replica, 2, &frame, world->wall_ms, out,
                        &answer);
    cr_assert(out->used < 300 * 1024);
}

CASE(formats, random_bytes_are_refused_or_harmless)
{
    struct world *world = world_new(2, 2, 1, 1);
    struct rng rng = {11};
    struct buf out = {0};
    char bytes[300];
    uint32_t i, j;

    world_map(world, true);
    world_run(world, 50);
    world_put(world, 1, 1u << 2, "k", "v");
    for (i = 0; i < 20000; i++) {
        size_t size = rng_below(&rng, sizeof(bytes));
        struct frame frame;

        for (j = 0; j < size; j++)
            bytes[j] = (char)rng_next(&rng);
        /* small counts get further than large ones */
        for (j = 0; j < size; j++)
            if (rng_below(&rng, 3) > 0) bytes[j] &= 3;
        feed(world, types[i % sizeof(types)], bytes_of(bytes, size), &out);
        frame = (struct frame){.type = answers[i % sizeof(answers)],
                               .request_id = rng_below(&rng, 40),
                               .payload = bytes_of(bytes, size)};
        keeper_frame(world->nodes[1].keeper, 2, &frame, world->now_ms,
                     world->wall_ms);
    }
    cr_expect(strcmp(world_get(world, 1, "k"), "v") == 0);
    buf_deinit(&out);
    world_free(world);
}

/* Every frame of a run, cut short or with a byte changed, is fed as well. */
CASE(formats, frames_cut_short_or_altered_do_no_harm)
{
    struct world *world = world_new(3, 3, 2, 2);
    struct rng rng = {12};
    struct buf out = {0};
    char key[16];
    uint32_t step, i, j;

    world_map(world, true);
    for (step = 0; step < 1500; step++) {
        (void)snprintf(key, sizeof(key), "k%u", step % 100);
        if (step % 10 == 0) world_put(world, step % 3 + 1, 0, key, "v");
        world_run(world, 1);
        for (i = 0; i < world->queued; i++) {
            struct message message = world->queue[i];
            size_t size = message.frame.payload.size;
            char *copy = mem_must(size + 1);

            for (j = 0; j < 4; j++) {
                size_t cut = size > 0 ? rng_below(&rng, size) : 0;
                struct frame frame = message.frame;

                if (size > 0) memcpy(copy, message.payload, size);
                copy[cut] = (char)rng_next(&rng);
                frame.payload = bytes_of(copy, j % 2 ? size : cut);
                if (frame.type == FRAME_EVICT || frame.type % 2 == 0) {
                    feed(world, frame.type, frame.payload, &out);
                } else if (message.to == 1) {
                    keeper_frame(world->nodes[1].keeper, message.from, &frame,
                                 world->now_ms, world->wall_ms);
                }
            }
            mem_free(copy);
        }
    }
    for (i = 0; i < WORLD_SLOTS; i++)
        cr_assert(store_slot_ok(world->nodes[1].store, i));
    buf_deinit(&out);
    world_free(world);
}

CASE(formats, groups_must_ascend_and_stay_in_range)
{
    struct group group = {.index = 0, .mask = {{5, 0}}, .lists = 9}, read;
    struct wire_reader reader;
    struct buf out = {0};
    uint32_t after = 0;

    slots_put_group(&out, &group);
    reader = wire_reader(buf_bytes(&out));
    cr_expect(slots_read_group(&reader, WORLD_SLOTS, &after, &read));
    cr_expect(group_first(&read) == 0);
    cr_expect(group_next(&read, 1) == 2);
    cr_expect(group_next(&read, 3) == UINT32_MAX);
    reader = wire_reader(buf_bytes(&out));
    cr_expect(slots_read_group(&reader, WORLD_SLOTS, &after, &read) == false,
              "the same group again");
    out.used = 0;
    after = 0;
    group.mask.bits[1] = 1; /* slot 64 of 64 */
    slots_put_group(&out, &group);
    reader = wire_reader(buf_bytes(&out));
    cr_expect(slots_read_group(&reader, WORLD_SLOTS, &after, &read) == false);
    buf_deinit(&out);
}

CASE(formats, an_eviction_is_the_primarys_alone_and_of_no_newer_version)
{
    struct world *world = world_new(2, 2, 1, 1);
    uint32_t slot, a, b;
    struct store *store;
    struct store_entry entry[64];
    struct frame frame = {.type = FRAME_EVICT};
    struct buf payload = {0}, out = {0};
    uint64_t next;
    uint8_t type;

    world_map(world, true);
    world_run(world, 100);
    a = world_list(world, "k")->owners[0],
    b = world_list(world, "k")->owners[1];
    world_put(world, a, 1u << b, "k", "v");
    slot = world_slot(world, "k");
    store = world->nodes[b].store;
    store_lock(store, slot);
    cr_assert(store_entries(store, slot, 0, 64, entry, &next) == 1);
    store_unlock(store, slot);
    wire_put_varint(&payload, 1);
    wire_put_u16(&payload, (uint16_t)slot);
    wire_put_u64(&payload, entry[0].hash);
    wire_put_u64(&payload, entry[0].newest.bits - 1);
    frame.payload = buf_bytes(&payload);
    cr_assert(keeper_answer(world->nodes[b].replica, a, &frame, world->wall_ms,
                            &out, &type));
    cr_expect(strcmp(world_get(world, b, "k"), "v") == 0, "a newer version");
    payload.used -= 8;
    wire_put_u64(&payload, entry[0].newest.bits);
    frame.payload = buf_bytes(&payload);
    cr_assert(keeper_answer(world->nodes[b].replica, 5, &frame, world->wall_ms,
                            &out, &type));
    cr_expect(strcmp(world_get(world, b, "k"), "v") == 0, "not its primary");
    cr_assert(keeper_answer(world->nodes[b].replica, a, &frame, world->wall_ms,
                            &out, &type));
    cr_expect(strcmp(world_get(world, b, "k"), "") == 0);
    cr_expect(type == 0);
    buf_deinit(&payload);
    buf_deinit(&out);
    world_free(world);
}
