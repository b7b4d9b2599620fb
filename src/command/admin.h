/*
 * admin.h - the handlers behind the rows of connection_table.c,
 * server_table.c, cluster_table.c and introspect_table.c, and what they share.
 */
#ifndef COMMAND_ADMIN_H
#define COMMAND_ADMIN_H

#include "command/families.h"

void admin_acl_whoami(struct cmd_call *call);
void admin_auth(struct cmd_call *call);
void admin_client_caching(struct cmd_call *call);
void admin_client_getname(struct cmd_call *call);
void admin_client_getredir(struct cmd_call *call);
void admin_client_id(struct cmd_call *call);
void admin_client_info(struct cmd_call *call);
void admin_client_kill(struct cmd_call *call);
void admin_client_list(struct cmd_call *call);
void admin_client_no_evict(struct cmd_call *call);
void admin_client_no_touch(struct cmd_call *call);
void admin_client_pause(struct cmd_call *call);
void admin_client_reply(struct cmd_call *call);
void admin_client_setinfo(struct cmd_call *call);
void admin_client_setname(struct cmd_call *call);
void admin_client_tracking(struct cmd_call *call);
void admin_client_trackinginfo(struct cmd_call *call);
void admin_client_unblock(struct cmd_call *call);
void admin_client_unpause(struct cmd_call *call);
void admin_cluster_off(struct cmd_call *call);
void admin_command(struct cmd_call *call);
void admin_command_count(struct cmd_call *call);
void admin_command_docs(struct cmd_call *call);
void admin_command_getkeys(struct cmd_call *call);
void admin_command_getkeysandflags(struct cmd_call *call);
void admin_command_info(struct cmd_call *call);
void admin_command_list(struct cmd_call *call);
void admin_config_get(struct cmd_call *call);
void admin_config_resetstat(struct cmd_call *call);
void admin_config_rewrite(struct cmd_call *call);
void admin_config_set(struct cmd_call *call);
void admin_container(struct cmd_call *call);
void admin_debug(struct cmd_call *call);
void admin_echo(struct cmd_call *call);
void admin_function_flush(struct cmd_call *call);
void admin_hello(struct cmd_call *call);
void admin_help(struct cmd_call *call);
void admin_info(struct cmd_call *call);
void admin_kula_prefix(struct cmd_call *call);
void admin_kula_quorum(struct cmd_call *call);
void admin_lastsave(struct cmd_call *call);
void admin_latency_doctor(struct cmd_call *call);
void admin_latency_graph(struct cmd_call *call);
void admin_latency_histogram(struct cmd_call *call);
void admin_latency_history(struct cmd_call *call);
void admin_latency_latest(struct cmd_call *call);
void admin_latency_reset(struct cmd_call *call);
void admin_memory_doctor(struct cmd_call *call);
void admin_memory_malloc_stats(struct cmd_call *call);
void admin_memory_purge(struct cmd_call *call);
void admin_memory_stats(struct cmd_call *call);
void admin_memory_usage(struct cmd_call *call);
void admin_monitor(struct cmd_call *call);
void admin_not_yet(struct cmd_call *call);
void admin_ping(struct cmd_call *call);
void admin_quit(struct cmd_call *call);
void admin_refused(struct cmd_call *call);
void admin_replicaof(struct cmd_call *call);
void admin_reset(struct cmd_call *call);
void admin_role(struct cmd_call *call);
void admin_select(struct cmd_call *call);
void admin_shutdown(struct cmd_call *call);
void admin_slowlog_get(struct cmd_call *call);
void admin_slowlog_len(struct cmd_call *call);
void admin_slowlog_reset(struct cmd_call *call);
void admin_time(struct cmd_call *call);
void admin_wait(struct cmd_call *call);

/* ---- shared by them ---- */

/* "-ERR syntax error" */
void admin_syntax_error(struct cmd_call *call);
/* "-ERR unknown subcommand or wrong number of arguments for 'X'...", where
 * args[0] is the container and args[1] is X. */
void admin_usage_error(struct cmd_call *call);
/* True if the user may come in with that password; "default" is the only user
 * there is, and without requirepass any password will do. */
bool admin_password_ok(const struct cmd_shared *shared, struct bytes user,
                       struct bytes password);
/* What enable-debug-command and its like allow this client: all, none, or
 * those that came over loopback or the unix socket. */
bool admin_is_allowed(const struct cmd_call *call, enum setting id);
/* A client's text for an error message: at most 128 bytes, terminated. */
struct admin_text {
    char text[129];
};
struct admin_text admin_quote(struct bytes data);
/* Only printable ASCII and no spaces: so CLIENT LIST stays readable. */
bool admin_name_ok(struct bytes name);
extern const char ADMIN_BAD_NAME[];
/* Replaces an owned text; an empty value leaves NULL. */
void admin_set_text(char **text, struct bytes value);
/* A pair of a map: name and number. */
void admin_pair_int(struct reply *reply, const char *name, int64_t value);

#endif
