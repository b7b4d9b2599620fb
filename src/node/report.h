/*
 * report.h - what a node tells of its ring: KULA.NODES and its like, and the
 * lines of INFO.
 */
#ifndef NODE_REPORT_H
#define NODE_REPORT_H

#include "command/command.h"

/* cmd_host.ring; any worker. */
void report_ring(struct cmd_call *call, enum cmd_ring_report what);

#endif
