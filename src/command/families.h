/*
 * families.h - the tables of rows, one per family. Each ends with a row
 * without a name.
 */
#ifndef COMMAND_FAMILIES_H
#define COMMAND_FAMILIES_H

#include "command/command.h"

extern const struct cmd_spec cmd_string_table[];
extern const struct cmd_spec cmd_bitmap_table[];
extern const struct cmd_spec cmd_keys_table[];
extern const struct cmd_spec cmd_expire_table[];
extern const struct cmd_spec cmd_multi_table[];
extern const struct cmd_spec cmd_connection_table[];
extern const struct cmd_spec cmd_server_table[];
extern const struct cmd_spec cmd_cluster_table[];
extern const struct cmd_spec cmd_introspect_table[];
extern const struct cmd_spec cmd_kula_table[];

#endif
