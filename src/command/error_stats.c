#include "command/error_stats.h"

static struct bytes
first_word(struct bytes text)
{
    size_t size = 0;

    if (text.size > 0 && text.data[0] == '-') {
        text.data++;
        text.size--;
    }
    while (size < text.size && size < ERROR_PREFIX_MAX &&
           (unsigned char)text.data[size] > ' ') {
        size++;
    }
    return bytes_of(text.data, size);
}

static void
raise_by(struct error_stats *stats, struct bytes prefix, uint64_t delta)
{
    uint32_t used = atomic_load_explicit(&stats->used, memory_order_relaxed);
    struct error_stat *entry;
    uint32_t i;

    for (i = 0; i < used; i++) {
        entry = &stats->entries[i];
        if (bytes_equal(bytes_str(entry->prefix), prefix)) break;
    }
    if (i == used) {
        if (used == ERROR_STATS_MAX) return;
        entry = &stats->entries[used];
        memcpy(entry->prefix, prefix.data, prefix.size);
        entry->prefix[prefix.size] = '\0';
        atomic_store_explicit(&stats->used, used + 1, memory_order_release);
    }
    entry = &stats->entries[i];
    atomic_store_explicit(
        &entry->count,
        atomic_load_explicit(&entry->count, memory_order_relaxed) + delta,
        memory_order_relaxed);
}

void
error_stats_note(struct error_stats *stats, struct bytes prefix)
{
    prefix = first_word(prefix);
    if (prefix.size > 0) raise_by(stats, prefix, 1);
}

void
error_stats_merge(struct error_stats *into, const struct error_stats *from)
{
    uint32_t used = atomic_load_explicit(&from->used, memory_order_acquire);
    uint32_t i;

    for (i = 0; i < used; i++) {
        const struct error_stat *entry = &from->entries[i];
        uint64_t count =
            atomic_load_explicit(&entry->count, memory_order_relaxed);

        if (count > 0) raise_by(into, bytes_str(entry->prefix), count);
    }
}

void
error_stats_reset(struct error_stats *stats)
{
    uint32_t used = atomic_load_explicit(&stats->used, memory_order_acquire);
    uint32_t i;

    for (i = 0; i < used; i++) {
        atomic_store_explicit(&stats->entries[i].count, 0,
                              memory_order_relaxed);
    }
}
