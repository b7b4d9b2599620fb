#include "server/options.h"

#include "base/memory.h"

#include <string.h>

static bool
is_one_of(const char *arg, const char *a, const char *b)
{
    return !strcmp(arg, a) || (b != NULL && !strcmp(arg, b));
}

/* The arguments that are no directives but tasks. */
static bool
take_task(struct options *options, const char *arg)
{
    if (is_one_of(arg, "--check-config", NULL)) {
        options->task = OPTIONS_CHECK;
    } else if (is_one_of(arg, "--version", "-v")) {
        options->task = OPTIONS_VERSION;
    } else if (is_one_of(arg, "--help", "-h")) {
        options->task = OPTIONS_HELP;
    } else {
        return false;
    }
    return true;
}

void
options_parse(struct options *options, int argc, char **argv)
{
    size_t room = (size_t)(argc > 0 ? argc : 1) * sizeof(char *);
    bool in_files = true;
    int i;

    memset(options, 0, sizeof(*options));
    options->files = mem_must(room);
    options->directives = mem_must(room);
    for (i = 1; i < argc; i++) {
        bool is_long = !strncmp(argv[i], "--", 2);

        /* -v could be a directive's value: after the first directive only the
         * long names are tasks. */
        if ((in_files || is_long) && take_task(options, argv[i])) continue;
        if (is_long) in_files = false;
        if (in_files) {
            options->files[options->file_count++] = argv[i];
        } else {
            options->directives[options->directive_count++] = argv[i];
        }
    }
}

void
options_deinit(struct options *options)
{
    mem_free(options->files);
    mem_free(options->directives);
}

const char *
options_help(void)
{
    return "Usage: kula-server [FILE ...] [--DIRECTIVE VALUE ...]\n"
           "\n"
           "Serves the Redis protocol. FILE is in redis.conf syntax, - is\n"
           "standard input; directives on the command line override files.\n"
           "Without a file the defaults hold.\n"
           "\n"
           "  -h, --help      this text\n"
           "  -v, --version   version of the server\n"
           "  --check-config  reads the configuration, reports, and exits\n"
           "\n"
           "Signals: TERM and INT stop the server (the second one at once),\n"
           "USR1 opens the log file anew.\n"
           "\n"
           "Exit codes: 0 stopped in order; 1 the start or the stop failed\n"
           "(the log says why); 2 wrong usage or configuration.\n"
           "\n"
           "Examples:\n"
           "  kula-server /etc/kula/kula.conf\n"
           "  kula-server --port 7000 --maxmemory 1gb\n"
           "  echo 'port 7000' | kula-server - --loglevel verbose\n";
}
