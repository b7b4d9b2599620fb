/* Records to the byte, and what is not one. */
#include "base/rng.h"
#include "ring.h"
#include "store/cells.h"
#include "support/case.h"
#include "unit/bus/golden.h"
#include "version/counter.h"

enum { EXAMPLES = 11 };

static const char *const NAMES[EXAMPLES] = {
    "record-value",          "record-value-expiry",
    "record-counter",        "record-tombstone",
    "record-expiry",         "record-tombstone-expired",
    "record-value-vector",   "record-tombstone-vector",
    "record-value-siblings", "record-floor",
    "record-nothing",
};

static uint8_t counter[COUNTER_BYTES_MAX];
static struct vector vector;

static struct stamp
at(uint64_t ms)
{
    return (struct stamp){ms << STAMP_MS_SHIFT | 7};
}

/* A text with an expiry, and a removal that has seen something. */
static struct bytes
example_siblings(void)
{
    static char room[100];
    struct kin kin = {.count = 3};
    struct vector seen = {.count = 0};
    struct buf bytes = {0};
    size_t size;

    kin.all[1] = (struct cells){.stamp = {8ull << STAMP_MS_SHIFT | 2},
                                .kind = CELLS_TEXT,
                                .is_raw = true,
                                .value = bytes_str("other"),
                                .has_expiry = true,
                                .expire_ms = WALL,
                                .expire_stamp = at(10)};
    vector_see(&seen, (struct stamp){7ull << STAMP_MS_SHIFT | 9});
    kin.all[2] = (struct cells){.stamp = {8ull << STAMP_MS_SHIFT | 3},
                                .vector = vector_bytes(&seen)};
    kin_encode(&kin, &bytes);
    size = bytes.used;
    memcpy(room, bytes.data, size);
    buf_deinit(&bytes);
    return bytes_of(room, size);
}

static struct record
example(uint32_t n)
{
    struct record record = {
        .kind = RECORD_VALUE, .db = 3, .key = bytes_str("key"), .stamp = at(9)};
    size_t size;

    vector.count = 0;
    switch (n) {
    case 0: record.value = bytes_str("value"); break;
    case 1:
        record.value = bytes_str("longer");
        record.is_raw = record.is_text = true;
        record.floor = at(8);
        record.has_expiry = true;
        record.expire_ms = WALL;
        record.expire_stamp = at(10);
        break;
    case 2:
        counter_begin(counter, -5, at(2));
        size = counter_add(bytes_of(counter, COUNTER_BASE_BYTES), 12, at(9),
                           at(9), counter);
        record.type = OBJECT_COUNTER;
        record.value = bytes_of(counter, size);
        break;
    case 3: record.kind = RECORD_TOMBSTONE; break;
    case 4:
        record.kind = RECORD_EXPIRY;
        record.has_expiry = true;
        record.expire_ms = WALL + 1;
        record.expire_stamp = at(11);
        record.before = UINT64_C(0x1122334455667788);
        break;
    case 5:
        record.kind = RECORD_TOMBSTONE;
        record.has_expiry = true;
        record.expire_ms = WALL;
        record.expire_stamp = at(10);
        break;
    case 6:
        vector_see(&vector, (struct stamp){7ull << STAMP_MS_SHIFT | 9});
        vector_see(&vector, (struct stamp){8ull << STAMP_MS_SHIFT | 2});
        record.vector = vector_bytes(&vector);
        record.value = bytes_str("value");
        break;
    case 7:
        vector_see(&vector, (struct stamp){8ull << STAMP_MS_SHIFT | 2});
        record.kind = RECORD_TOMBSTONE;
        record.has_expiry = true;
        record.expire_ms = WALL;
        record.expire_stamp = at(10);
        record.vector = vector_bytes(&vector);
        break;
    case 8:
        record.value = bytes_str("value");
        record.siblings = example_siblings();
        break;
    default:
        record.kind = n == 9 ? RECORD_FLOOR : RECORD_NOTHING;
        record.key = bytes_of(NULL, 0);
        record.slot = 16383;
        break;
    }
    return record;
}

CASE(record, each_kind_is_golden)
{
    uint32_t n;

    for (n = 0; n < EXAMPLES; n++) {
        struct record record = example(n);
        struct buf bytes = {0};

        record_write(&bytes, &record);
        cr_expect(golden_is(NAMES[n], buf_bytes(&bytes)), "%s", NAMES[n]);
        buf_deinit(&bytes);
    }
}

CASE(record, what_is_written_is_read)
{
    uint32_t n;

    for (n = 0; n < EXAMPLES; n++) {
        struct record record = example(n), back;
        struct buf bytes = {0}, again = {0};
        struct wire_reader reader;

        record_write(&bytes, &record);
        reader = wire_reader(buf_bytes(&bytes));
        cr_assert(record_read(&reader, &back));
        cr_expect(wire_is_done(&reader));
        cr_expect(back.kind == record.kind && back.db == 3);
        cr_expect(back.has_expiry == record.has_expiry);
        cr_expect(back.is_raw == record.is_raw);
        record_write(&again, &back);
        cr_expect(bytes_equal(buf_bytes(&bytes), buf_bytes(&again)));
        buf_deinit(&bytes);
        buf_deinit(&again);
    }
}

CASE(record, a_part_of_one_is_none)
{
    uint32_t n;

    for (n = 0; n < EXAMPLES; n++) {
        struct record record = example(n), back;
        struct buf bytes = {0};
        size_t size;

        record_write(&bytes, &record);
        for (size = 0; size < bytes.used; size++) {
            struct wire_reader reader = wire_reader(bytes_of(bytes.data, size));

            cr_assert(record_read(&reader, &back) == false, "%s, %zu", NAMES[n],
                      size);
        }
        buf_deinit(&bytes);
    }
}

/* Whatever is read can be merged and written, too. */
CASE(record, altered_bytes_are_refused_or_harmless)
{
    struct store *store = ring_store(1, 1);
    struct rng rng = {8};
    uint32_t i;

    for (i = 0; i < 100000; i++) {
        struct record record = example((uint32_t)rng_below(&rng, EXAMPLES));
        struct buf bytes = {0};
        struct wire_reader reader;
        uint32_t k, changes = 1 + (uint32_t)rng_below(&rng, 3);

        record_write(&bytes, &record);
        for (k = 0; k < changes; k++)
            bytes.data[rng_below(&rng, bytes.used)] = (char)rng_next(&rng);
        reader = wire_reader(buf_bytes(&bytes));
        if (record_read(&reader, &record) && record_is_of_key(&record)) {
            struct store_key key = key_of(store, &record);

            (void)store_merge(store, &key, &record, WALL, NULL);
        }
        buf_deinit(&bytes);
    }
    cr_expect(store_ok(store));
    store_free(store);
}

static bool
is_refused(struct record *record)
{
    struct buf bytes = {0};
    struct wire_reader reader;
    struct record back;
    bool is_read;

    record_write(&bytes, record);
    reader = wire_reader(buf_bytes(&bytes));
    is_read = record_read(&reader, &back);
    buf_deinit(&bytes);
    return !is_read;
}

CASE(record, impossible_fields_are_refused)
{
    struct record record = example(0);

    record.stamp = STAMP_NEVER;
    cr_expect(is_refused(&record));
    record = example(0);
    record.stamp.bits = UINT64_MAX;
    cr_expect(is_refused(&record));
    record = example(0);
    record.db = STORE_DBS;
    cr_expect(is_refused(&record));
    record = example(1);
    record.floor = at(10);
    cr_expect(is_refused(&record), "a floor above the value");
    record = example(1);
    record.expire_ms = -1;
    cr_expect(is_refused(&record));
    record = example(1);
    record.expire_stamp = STAMP_NEVER;
    cr_expect(is_refused(&record));
    record = example(2);
    record.stamp = at(10);
    cr_expect(is_refused(&record), "not the counter's newest");
    record = example(2);
    record.value.size--;
    cr_expect(is_refused(&record));
    record = example(6);
    record.stamp = at(7);
    cr_expect(is_refused(&record), "a vector above the write");
    record = example(6);
    record.vector.size = 0;
    cr_expect(not(is_refused(&record)));
    record = example(8);
    record.siblings.size--;
    cr_expect(is_refused(&record));
    record = example(8);
    record.kind = RECORD_EXPIRY;
    cr_expect(is_refused(&record));
    record = example(9);
    record.slot = 16384;
    cr_expect(is_refused(&record));
    record = example(9);
    record.key = bytes_str("k");
    cr_expect(is_refused(&record));
}
