/*
 * The verbs, and those that need no ring.
 */
#include "ctl/ctl.h"

#include "base/memory.h"
#include "ctl/json.h"
#include "ctl/peer.h"
#include "ctl/value.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const struct ctl_verb verbs[] = {
#define X(id, name, words, run, summary) {name, words, run, summary},
    CTL_VERBS(X)
#undef X
};

const struct ctl_verb *
ctl_find_verb(const char *name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(verbs); i++) {
        if (!strcmp(verbs[i].name, name)) return &verbs[i];
    }
    return NULL;
}

int
ctl_fail(const struct ctl *ctl, int code, const char *format, ...)
{
    char text[CTL_ERROR_MAX];
    struct buf out = {0};
    struct json json;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "kula-ctl: %s\n", text);
    if (!ctl->is_json) return code;
    json_begin(&json, &out, ctl->verb != NULL ? ctl->verb->name : "error");
    json_bool(&json, "ok", false);
    json_text(&json, "error", text);
    json_finish(&json);
    ctl_print(&out);
    return code;
}

void
ctl_print(struct buf *text)
{
    if (text->used > 0) (void)fwrite(text->data, 1, text->used, stdout);
    (void)fflush(stdout);
    buf_deinit(text);
}

/* ---- help, version ---- */

static const char options_text[] =
    "Options:\n"
    "  -h HOST, -p PORT      any node of the ring (127.0.0.1, 6379)\n"
    "  -s PATH               its unix socket\n"
    "  -u URL                redis://[user:password@]host[:port][/db]\n"
    "  --user NAME           user, and\n"
    "  -a, --pass PASSWORD   password; better in REDISCLI_AUTH\n"
    "  -n DB                 database of --key (0)\n"
    "  --json                one JSON object instead of text\n"
    "  --color=WHEN          auto, always or never; NO_COLOR is respected\n"
    "  --timeout SECONDS     for each answer (5)\n"
    "  --help, --version\n"
    "Environment: KULA_URL (as -u), REDISCLI_AUTH (password), NO_COLOR\n"
    "Exit codes: 0 fine, 1 not healthy or the answer is no, 2 usage, 3 cannot\n"
    "  connect, 4 not allowed (password), 5 timed out, or only some nodes\n"
    "  answered, 130 ended by Ctrl-C\n";

static void
put_help(struct buf *out)
{
    size_t i;

    buf_must_printf(out, "Usage: kula-ctl [OPTION ...] VERB [WORD ...]\n\n"
                         "Verbs:\n");
    for (i = 0; i < ARRAY_LEN(verbs); i++) {
        buf_must_printf(out, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
    }
    buf_must_printf(out, "\n%s", options_text);
}

int
help_run(struct ctl *ctl)
{
    const struct ctl_verb *verb = NULL;
    struct buf out = {0}, text = {0};
    struct json json;

    if (ctl->word_count > 0) {
        verb = ctl_find_verb(ctl->words[0]);
        if (verb == NULL) {
            return ctl_fail(ctl, CTL_USAGE, "no such verb: %s (try help)",
                            ctl->words[0]);
        }
        buf_must_printf(&text, "kula-ctl %s%s%s\n    %s\n", verb->name,
                        verb->words[0] != '\0' ? " " : "", verb->words,
                        verb->summary);
    } else {
        put_help(&text);
    }
    if (!ctl->is_json) {
        ctl_print(&text);
        return CTL_OK;
    }
    json_begin(&json, &out, "help");
    json_bool(&json, "ok", true);
    json_bytes(&json, "text", buf_bytes(&text));
    json_finish(&json);
    buf_deinit(&text);
    ctl_print(&out);
    return CTL_OK;
}

/* The value of a field of INFO; "" if it is not there. */
static struct bytes
info_field(const redisReply *info, const char *name)
{
    size_t size = strlen(name);
    const char *at = info->str;

    while (at != NULL && *at != '\0') {
        if (!strncmp(at, name, size) && at[size] == ':')
            return bytes_of(at + size + 1, strcspn(at + size + 1, "\r\n"));
        at = strchr(at, '\n');
        if (at != NULL) at++;
    }
    return bytes_of("", 0);
}

int
version_run(struct ctl *ctl)
{
    const char *words[] = {"INFO", "server"};
    struct buf out = {0};
    struct json json;
    struct peer peer;
    redisReply *info = NULL;
    struct bytes version = bytes_of("", 0);

    if (peer_open_first(&peer, ctl)) info = peer_call(&peer, 2, words);
    if (info != NULL && info->type == REDIS_REPLY_STRING)
        version = info_field(info, "kula_version");
    if (ctl->is_json) {
        json_begin(&json, &out, "version");
        json_bool(&json, "ok", info != NULL);
        json_text(&json, "kula_ctl", KULA_VERSION);
        if (version.size > 0) json_bytes(&json, "server", version);
        if (info == NULL) json_text(&json, "error", peer.error);
        json_finish(&json);
    } else {
        buf_must_printf(&out, "kula-ctl %s\n", KULA_VERSION);
        if (info == NULL) {
            buf_must_printf(&out, "no server: %s\n", peer.error);
        } else {
            buf_must_printf(&out, "server   %.*s\n", (int)version.size,
                            version.size > 0 ? version.data : "");
        }
    }
    ctl_print(&out);
    freeReplyObject(info);
    peer_close(&peer);
    return info != NULL ? CTL_OK : peer.code;
}

static void
on_interrupt(int number)
{
    (void)number;
    _exit(CTL_INTERRUPTED);
}

int
main(int argc, char **argv)
{
    struct ctl ctl;
    int code;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, on_interrupt); /* demo has its own */
    code = options_read(&ctl, argc, argv);
    if (code == CTL_OK && ctl.verb != NULL) code = ctl.verb->run(&ctl);
    options_deinit(&ctl);
    return code;
}
