/*
 * play.h - one client and one store, without session or loop: a line of a
 * dialogue is a command as redis-cli would take it and the reply.
 *
 *     play_begin();
 *     play("SET k v", "+OK");
 *     play_wait_ms(1000);          the clock moves only here
 *     play("MGET k nokey", "*2 $1 v $-1");
 *     play_end();
 *
 * In the expected reply a blank stands for CR LF.
 */
#ifndef COMMAND_PLAY_H
#define COMMAND_PLAY_H

#include "command/command.h"
#include "support/case.h"

#define PLAY_START_MS INT64_C(1700000000000)

void play_begin(void);
void play_end(void);
void play_wait_ms(int64_t ms);
struct cmd_env *play_env(void);

/* Runs a command; its reply as bytes, terminated, until the next one. */
const char *play_run(const char *line, size_t *size);
void play_check(const char *file, int at, const char *line,
                const char *expected);

#define play(line, expected) play_check(__FILE__, __LINE__, line, expected)

/* The common errors. */
#define NO_INT "-ERR value is not an integer or out of range"
#define SYNTAX "-ERR syntax error"

#endif
