/*
 * log_file.h - where log lines go: a file, standard output, syslog.
 *
 * Each line is one write to a descriptor opened for appending, so threads and
 * processes never tear each other's lines and no lock is needed. Reopening
 * puts the new file under the same descriptor in one step.
 */
#ifndef OS_LOG_FILE_H
#define OS_LOG_FILE_H

#include "base/log_line.h"

struct log_file_config {
    const char *path;            /* "": standard output */
    const char *syslog_ident;    /* NULL: no syslog */
    const char *syslog_facility; /* "user", "local0" .. "local7" */
};

/* Opens and becomes the sink of log_line(). ERR_SYSTEM: the file could not be
 * opened; errno says why, the sink is as before. Once per process. */
WARN_UNUSED int log_file_open(const struct log_file_config *config);
/* After the file was moved away. ERR_SYSTEM: lines go where they went. */
WARN_UNUSED int log_file_reopen(void);
/* In the background standard error leads nowhere: what is written there, such
 * as a failed assertion, goes to the log file from now on, if there is one. */
void log_file_take_stderr(void);
/* For the crash report. */
int log_file_descriptor(void);

#endif
