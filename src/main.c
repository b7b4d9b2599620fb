/*
 * main.c - from the command line to an exit code.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/memory.h"
#include "config/settings.h"
#include "server/options.h"
#include "server/server.h"

#include <stdio.h>

static void
print_version(void)
{
    printf("Kula server v=%s malloc=%s bits=%u\n", KULA_VERSION,
           mem_allocator_name(), (unsigned)(sizeof(void *) * 8));
}

static int
configure_and_serve(const struct options *options)
{
    struct settings *settings = settings_new();
    struct buf problems = {0};
    uint32_t count = server_configure(settings, options, &problems);
    int code = SERVER_OK;

    if (count > 0) {
        fprintf(stderr, "%.*s%u problem%s in the configuration\n",
                (int)problems.used, problems.used > 0 ? problems.data : "",
                count, count == 1 ? "" : "s");
        code = SERVER_BAD_CONFIG;
    } else if (options->task == OPTIONS_CHECK) {
        printf("the configuration is fine\n");
    } else {
        code = server_run(settings, options);
    }
    buf_deinit(&problems);
    settings_free(settings);
    return code;
}

int
main(int argc, char **argv)
{
    struct options options;
    int code = SERVER_OK;

    options_parse(&options, argc, argv);
    switch (options.task) {
    case OPTIONS_VERSION: print_version(); break;
    case OPTIONS_HELP: printf("%s", options_help()); break;
    case OPTIONS_CHECK:
    case OPTIONS_SERVE: code = configure_and_serve(&options); break;
    }
    options_deinit(&options);
    return code;
}
