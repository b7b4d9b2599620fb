/*
 * Settings that hold for the whole ring: worker 0.
 *
 *   CONFIG SET on any node --> seen in the next tick --> published by members,
 *   as of the wall clock --> every node that has an older version takes it over
 *
 * A node looks for what is different from what it knows to be agreed: that was
 * set here. What kula.conf says holds until anything is published in the ring,
 * and again never after that: it comes back with the members' file.
 *
 * Published: lines "name value"; names that are not known are left alone.
 */
#include "node/inside.h"

#include "base/err.h"

#include <stdio.h>

static const enum setting agreed[AGREED_COUNT] = {
    SETTING_READ_QUORUM,
    SETTING_WRITE_QUORUM,
    SETTING_QUORUM_MODE,
    SETTING_EXEC_SPANNING,
};

static void
note_all(struct ring *ring)
{
    const struct settings *settings = ring->node->shared.settings;
    uint32_t i;

    for (i = 0; i < AGREED_COUNT; i++)
        ring->agreed[i] = settings_int(settings, agreed[i]);
}

static bool
is_set_here(const struct ring *ring)
{
    const struct settings *settings = ring->node->shared.settings;
    uint32_t i;

    for (i = 0; i < AGREED_COUNT; i++)
        if (ring->agreed[i] != settings_int(settings, agreed[i])) return true;
    return false;
}

static void
publish(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    const struct settings *settings = ring->node->shared.settings;
    uint64_t version = (uint64_t)worker->env->wall_ms;
    struct buf text = {0};
    struct bytes old;
    int err;
    uint32_t i;

    for (i = 0; i < AGREED_COUNT; i++) {
        const char *name = settings_name(agreed[i]);

        buf_must_add(&text, name, strlen(name));
        buf_must_add(&text, " ", 1);
        settings_show(settings, agreed[i], &text);
        buf_must_add(&text, "\n", 1);
    }
    ring_enter(worker, NULL);
    if (version <= members_settings(ring->members, &old))
        version = members_settings(ring->members, &old) + 1;
    err = members_publish_settings(ring->members, version, buf_bytes(&text));
    ring_leave(worker);
    ASSERT(err == ERR_OK); /* they are short */
    ring->agreed_version = version;
    note_all(ring);
    buf_deinit(&text);
}

/* One line, without its end. */
static void
take_line(struct ring *ring, struct bytes line)
{
    struct settings *settings = ring->node->shared.settings;
    const char *space = memchr(line.data, ' ', line.size);
    struct bytes name, value;
    char why[SETTING_WHY_BYTES], text[192];
    struct buf now = {0};
    uint32_t i;

    if (space == NULL) return;
    name = bytes_of(line.data, (size_t)(space - line.data));
    value = bytes_of(space + 1, line.size - name.size - 1);
    for (i = 0; i < AGREED_COUNT; i++)
        if (bytes_equal(bytes_str(settings_name(agreed[i])), name)) break;
    if (i == AGREED_COUNT) return;
    settings_show(settings, agreed[i], &now);
    if (!bytes_equal(buf_bytes(&now), value)) {
        int err = settings_set(settings, agreed[i], &value, 1, why);

        (void)snprintf(text, sizeof(text), "settings: %s is %.*s now%s%.*s",
                       settings_name(agreed[i]),
                       (int)(value.size < 32 ? value.size : 32), value.data,
                       err == ERR_OK ? ", as agreed in the ring; it was "
                                     : " in the ring, and not possible here: ",
                       err == ERR_OK ? (int)now.used : 64,
                       err == ERR_OK ? now.data : why);
        ring_log(ring, text);
    }
    buf_deinit(&now);
}

static void
take_over(struct ring *ring, struct bytes text)
{
    size_t at = 0;

    while (at < text.size) {
        const char *line = text.data + at;
        const char *end = memchr(line, '\n', text.size - at);
        size_t size = end != NULL ? (size_t)(end - line) : text.size - at;

        take_line(ring, bytes_of(line, size));
        at += size + 1;
    }
    note_all(ring);
}

void
agreed_tick(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct buf copy = {0};
    struct bytes text;
    uint64_t version;

    if (atomic_load(&ring->node->shared.is_loading)) return;
    if (is_set_here(ring)) publish(worker);
    ring_enter(worker, NULL);
    version = members_settings(ring->members, &text);
    if (version > ring->agreed_version)
        buf_must_add(&copy, text.data, text.size);
    ring_leave(worker);
    if (version <= ring->agreed_version) return;
    ring->agreed_version = version;
    take_over(ring, buf_bytes(&copy));
    buf_deinit(&copy);
}

void
agreed_start(struct ring *ring)
{
    note_all(ring);
}
