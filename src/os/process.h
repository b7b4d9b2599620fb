/*
 * process.h - what the server asks of the system about and for itself: limits,
 * memory, the background, its supervisor. Linux.
 */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include "base/base.h"

struct process_use {
    uint64_t rss_bytes, user_us, sys_us;
};

/* Resident memory and CPU time so far. */
void process_use(struct process_use *use);
/* The smaller of RAM and this control group's limit. */
uint64_t process_memory_limit(void);
uint64_t process_memory_total(void);          /* RAM */
uint32_t process_core_count(void);            /* that this process may run on */
void process_os_name(char *out, size_t room); /* "Linux 6.1.0 x86_64" */
/* Fills `out` from the kernel's generator; aborts if there is none. */
void process_random(void *out, size_t size);

/* Raises the limit of open descriptors to `want` or as near as it gets;
 * returns the limit then. */
uint64_t process_raise_files(uint64_t want);
WARN_UNUSED int process_oom_score(int64_t score, bool is_relative);
WARN_UNUSED int process_disable_thp(void);

/*
 * Into the background. The parent stays until the child reports, then exits
 * with its status, so `kula-server --daemonize yes && ...` means something.
 * Returns in the child alone: the descriptor to report to, or ERR_SYSTEM in
 * the parent.
 */
int process_daemonize(void);
/* Standard input, output and error lead nowhere from now on. */
void process_leave_terminal(void);
/* Lets the parent exit with 0. */
void process_daemon_ready(int report_fd);
WARN_UNUSED int process_write_pid_file(const char *path);

/* True if a service manager listens (NOTIFY_SOCKET). */
bool process_is_supervised_by_systemd(void);
/* Tells it: "READY=1\nSTATUS=..."; silently nothing if there is none. */
void process_notify(const char *state);
/* Upstart's way: the process stops itself until it is continued. */
bool process_is_supervised_by_upstart(void);
void process_upstart_stop(void);

#endif
