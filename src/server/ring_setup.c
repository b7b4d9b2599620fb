/*
 * The order matters: the listeners tell whether others than this machine can
 * reach the bus, and that decides whether a secret is needed and which address
 * is announced.
 */
#include "server/ring_setup.h"

#include "base/err.h"
#include "base/log_line.h"
#include "base/memory.h"
#include "bus/wire.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/small_file.h"
#include "server/seeds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUS_PORT_ABOVE = 10000, /* bus-port 0: so far above `port` */
    PORT_MAX = 65535,
    MEMBERS_BYTES_MAX = 64 << 20,
    CEILING_BYTES = 8,
    WEIGHT_STEPS_MAX = 64, /* quarters */
};

static const char *const file_names[] = {
    [NODE_FILE_MEMBERS] = "kula.members",
    [NODE_FILE_CEILING] = "kula.ceiling",
};

static int
refuse(const char *text)
{
    log_line(LOG_LEVEL_WARNING, "cannot start: %s", text);
    return ERR_STATE;
}

/* A setting as CONFIG GET shows it, in a buf that ends with a zero byte that
 * is not counted. */
static void
show(const struct settings *settings, enum setting id, struct buf *out)
{
    settings_show(settings, id, out);
    buf_must_add(out, "", 1);
    out->used--;
}

/* Into a fixed field; false: too long. */
static bool
copy_setting(const struct settings *settings, enum setting id, char *out,
             size_t room)
{
    struct buf text = {0};
    bool fits;

    show(settings, id, &text);
    fits = text.used < room;
    if (fits) memcpy(out, text.data, text.used + 1);
    buf_deinit(&text);
    if (!fits) {
        log_line(LOG_LEVEL_WARNING, "cannot start: %s has more than %zu bytes",
                 settings_name(id), room - 1);
    }
    return fits;
}

/* ---- the bus ---- */

/* 0: there is none. */
static uint16_t
bus_port(const struct settings *settings)
{
    int64_t port = settings_int(settings, SETTING_PORT);
    int64_t own = settings_int(settings, SETTING_BUS_PORT);

    if (own != 0) return (uint16_t)own;
    if (port == 0) return 0;
    if (port + BUS_PORT_ABOVE <= PORT_MAX)
        return (uint16_t)(port + BUS_PORT_ABOVE);
    log_line(LOG_LEVEL_NOTICE,
             "no bus: port %" PRId64 " + %d is no port; bus-port can name one",
             port, (int)BUS_PORT_ABOVE);
    return 0;
}

struct bus {
    uint16_t port;
    uint32_t count;                    /* listeners */
    bool is_reachable;                 /* from other machines */
    char host[MEMBER_ADDRESS_MAX + 1]; /* first such address; "": none */
};

/* One word of `bus-bind`; a leading '-': the address may be missing. */
static int
listen_on(struct bus *bus, const struct settings *settings, struct loops *loops,
          const char *host)
{
    int backlog = (int)settings_int(settings, SETTING_TCP_BACKLOG);
    bool is_optional = host[0] == '-';
    struct socket_listener listener;
    char why[256];
    int err;

    if (is_optional) host++;
    err = socket_listen_tcp(&listener, host, bus->port, backlog, why);
    if (err != ERR_OK) {
        bool may_lack = errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ||
                        (is_optional && errno == EADDRNOTAVAIL);

        log_line(may_lack ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
                 "cannot listen on %s for other nodes (bus-port, bus-bind): %s",
                 listener.name, why);
        return may_lack ? ERR_OK : err;
    }
    listener.is_bus = true;
    bus->count++;
    if (!socket_listens_on_loopback(&listener)) {
        if (!bus->is_reachable)
            (void)snprintf(bus->host, sizeof(bus->host), "%s", host);
        bus->is_reachable = true;
    }
    err = loops_listen(loops, &listener);
    if (err != ERR_OK) {
        (void)close(listener.fd);
        return refuse("too many addresses in bind and bus-bind");
    }
    return ERR_OK;
}

static int
listen_all(struct bus *bus, const struct settings *settings,
           struct loops *loops)
{
    struct buf words = {0};
    char *word, *rest = NULL;
    int err = ERR_OK;

    show(settings, SETTING_BUS_BIND, &words);
    for (word = strtok_r(words.data, " ", &rest); word != NULL && err == ERR_OK;
         word = strtok_r(NULL, " ", &rest)) {
        err = listen_on(bus, settings, loops, word);
    }
    buf_deinit(&words);
    if (err == ERR_OK && bus->count == 0)
        err = refuse("no address of 'bus-bind' can be had");
    return err;
}

/* ---- the secret ---- */

static int
read_secret(struct link_ring *link, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[LINK_SECRET_MAX + 3];
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));

    if (size >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 077) != 0) {
        log_line(LOG_LEVEL_WARNING,
                 "ring-secret-file '%s' can be read by others (mode %03o): "
                 "chmod 600 it",
                 path, (unsigned)(status.st_mode & 0777));
    }
    if (fd >= 0) (void)close(fd);
    if (size < 0) {
        log_line(LOG_LEVEL_WARNING, "cannot start: ring-secret-file '%s': %s",
                 path, strerror(errno));
        return ERR_SYSTEM;
    }
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    if (size == 0) return refuse("ring-secret-file is empty");
    if (size > LINK_SECRET_MAX)
        return refuse("ring-secret-file has more than 1024 bytes");
    memcpy(link->secret, text, (size_t)size);
    link->secret_bytes = (uint32_t)size;
    return ERR_OK;
}

static int
load_secret(struct link_ring *link, const struct settings *settings)
{
    char *secret = settings_text(settings, SETTING_RING_SECRET);
    char *path = settings_text(settings, SETTING_RING_SECRET_FILE);
    size_t size = strlen(secret);
    int err = ERR_OK;

    if (secret[0] != '\0' && path[0] != '\0') {
        err = refuse("ring-secret and ring-secret-file are both set");
    } else if (path[0] != '\0') {
        err = read_secret(link, path);
    } else if (size > LINK_SECRET_MAX) {
        err = refuse("ring-secret has more than 1024 bytes");
    } else {
        memcpy(link->secret, secret, size);
        link->secret_bytes = (uint32_t)size;
    }
    mem_free(secret);
    mem_free(path);
    return err;
}

/* ---- what the node says of itself ---- */

double
ring_setup_weight(uint64_t memory_bytes, uint32_t worker_count)
{
    uint64_t quarters = min_u64(memory_bytes >> 30, worker_count * UINT64_C(2));

    return (double)max_u64(min_u64(quarters, WEIGHT_STEPS_MAX), 1) / 4;
}

static double
weight(const struct settings *settings)
{
    uint64_t memory = (uint64_t)settings_int(settings, SETTING_MAXMEMORY);
    double set = settings_decimal(settings, SETTING_RING_WEIGHT);

    if (set > 0) return set;
    return ring_setup_weight(
        memory != 0 ? memory : process_memory_limit(),
        (uint32_t)settings_int(settings, SETTING_IO_THREADS));
}

/* Wildcards are no address for others. */
static void
announce(struct member_facts *facts, const struct bus *bus)
{
    const char *host = bus->host;
    char own[SOCKET_NAME_ROOM];

    if (facts->host[0] != '\0') return; /* announce-address */
    if (!strcmp(host, "*") || !strcmp(host, "::*") || !strcmp(host, "::") ||
        !strcmp(host, "0.0.0.0")) {
        socket_own_address(own);
        host = own;
    } else if (host[0] == '\0') {
        host = "127.0.0.1";
    }
    (void)snprintf(facts->host, sizeof(facts->host), "%s", host);
}

static int
fill_facts(struct member_facts *facts, const struct settings *settings,
           const struct bus *bus)
{
    if (!copy_setting(settings, SETTING_ANNOUNCE_ADDRESS, facts->host,
                      sizeof(facts->host)) ||
        !copy_setting(settings, SETTING_DATACENTER, facts->dc,
                      sizeof(facts->dc)) ||
        !copy_setting(settings, SETTING_RACK, facts->rack,
                      sizeof(facts->rack))) {
        return ERR_RANGE;
    }
    announce(facts, bus);
    if (facts->rack[0] == '\0') {
        (void)gethostname(facts->rack, sizeof(facts->rack));
        facts->rack[sizeof(facts->rack) - 1] = '\0';
    }
    facts->port = (uint16_t)settings_int(settings, SETTING_PORT);
    facts->bus_port = bus->port;
    facts->weight = weight(settings);
    facts->workers = (uint32_t)min_u64(
        (uint64_t)settings_int(settings, SETTING_IO_THREADS), LOOP_WORKERS_MAX);
    (void)snprintf(facts->version, sizeof(facts->version), "%s", KULA_VERSION);
    facts->phase = MEMBER_FRESH;
    facts->oldest_held = UINT64_MAX;
    return ERR_OK;
}

/* ---- the last life ---- */

static int
load_saved(struct ring_setup *setup)
{
    struct buf ceiling = {0};
    char why[SMALL_FILE_WHY];
    int err;

    err = small_file_load(setup->dir_fd, file_names[NODE_FILE_MEMBERS],
                          MEMBERS_BYTES_MAX, &setup->saved, why);
    if (err == ERR_UNKNOWN) err = ERR_OK;
    if (err != ERR_OK) return refuse(why);
    err = small_file_load(setup->dir_fd, file_names[NODE_FILE_CEILING],
                          CEILING_BYTES, &ceiling, why);
    if (err == ERR_OK && ceiling.used != CEILING_BYTES) {
        (void)snprintf(why, sizeof(why), "kula.ceiling is damaged");
        err = ERR_SYNTAX;
    }
    if (err == ERR_OK) {
        struct wire_reader reader = wire_reader(buf_bytes(&ceiling));

        setup->ring.ceiling.bits = wire_u64(&reader);
    } else if (err == ERR_UNKNOWN) {
        err = ERR_OK;
    } else {
        err = refuse(why);
    }
    buf_deinit(&ceiling);
    return err;
}

void
ring_setup_save(struct ring_setup *setup, enum node_file file,
                struct bytes bytes)
{
    char why[SMALL_FILE_WHY];
    int err;

    lock_take(&setup->save_lock);
    err = small_file_save(setup->dir_fd, file_names[file], bytes, why);
    if (err != ERR_OK && !setup->cannot_save) {
        log_line(LOG_LEVEL_WARNING,
                 "%s: what this node must know after a restart is not kept",
                 why);
    }
    setup->cannot_save = err != ERR_OK;
    lock_drop(&setup->save_lock);
}

/* ---- all of it ---- */

static int
fill_members(struct ring_setup *setup, const struct settings *settings,
             const struct identity *identity)
{
    struct member_config *member = &setup->ring.member;
    struct buf text = {0};
    char why[256];
    int err;

    memcpy(member->self.bytes, identity->node_id, NODE_ID_BYTES);
    memcpy(member->hash_seed, identity->hash_seed, sizeof(member->hash_seed));
    member->incarnation = clock_wall_us() / 1000;
    member->vnodes = (uint32_t)settings_int(settings, SETTING_VNODES);
    member->slot_count = SLOT_COUNT;
    member->node_timeout_ms = settings_int(settings, SETTING_NODE_TIMEOUT_MS);
    member->saved = buf_bytes(&setup->saved);
    process_random(&member->rng_seed, sizeof(member->rng_seed));
    show(settings, SETTING_RING_SEEDS, &text);
    err = seeds_parse(buf_bytes(&text), member, why);
    if (err != ERR_OK) (void)refuse(why);
    text.used = 0;
    show(settings, SETTING_REPLICAS, &text);
    if (err == ERR_OK &&
        seeds_parse_replicas(buf_bytes(&text), &member->replicas) != ERR_OK) {
        err = refuse("replicas: 'N', or 'DATACENTER:N ...', 8 in all at most");
    }
    buf_deinit(&text);
    return err;
}

static int
check_secret(const struct ring_setup *setup, const struct bus *bus)
{
    if (!bus->is_reachable || setup->ring.link.secret_bytes > 0) return ERR_OK;
    log_line(LOG_LEVEL_WARNING,
             "cannot start: bus-bind %s lets other machines reach the bus, and "
             "there is no secret that keeps strangers out: set ring-secret or "
             "ring-secret-file to the same on all nodes, or bus-bind to "
             "127.0.0.1",
             bus->host);
    return ERR_STATE;
}

int
ring_setup_init(struct ring_setup *setup, const struct settings *settings,
                const struct identity *identity, struct loops *loops)
{
    struct link_ring *link = &setup->ring.link;
    struct bus bus = {.port = bus_port(settings)};
    int err;

    memset(setup, 0, sizeof(*setup));
    setup->dir_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (setup->dir_fd < 0) return refuse("cannot open the data directory");
    if (bus.port == 0) return ERR_OK;
    err = listen_all(&bus, settings, loops);
    if (err == ERR_OK) err = load_secret(link, settings);
    if (err == ERR_OK) err = check_secret(setup, &bus);
    if (err == ERR_OK && !copy_setting(settings, SETTING_RING_NAME, link->name,
                                       sizeof(link->name))) {
        err = ERR_RANGE;
    }
    memcpy(link->self.bytes, identity->node_id, NODE_ID_BYTES);
    if (err == ERR_OK) err = load_saved(setup);
    if (err == ERR_OK)
        err = fill_facts(&setup->ring.member.facts, settings, &bus);
    if (err == ERR_OK) err = fill_members(setup, settings, identity);
    setup->has_bus = err == ERR_OK;
    if (setup->has_bus) {
        log_line(LOG_LEVEL_NOTICE,
                 "ring '%s': bus on port %u, announced as %s, %" PRIu32
                 " seed%s",
                 link->name, (unsigned)bus.port, setup->ring.member.facts.host,
                 setup->ring.member.seed_count,
                 setup->ring.member.seed_count == 1 ? "" : "s");
    }
    return err;
}

void
ring_setup_deinit(struct ring_setup *setup)
{
    buf_deinit(&setup->saved);
    if (setup->dir_fd >= 0) (void)close(setup->dir_fd);
    setup->dir_fd = -1;
}
