/*
 * err.h - codes for what the world may do to us.
 *
 * A normal outcome (not found, too old) is a result, not an error; a
 * programmer's mistake is an ASSERT.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_MEMORY = -1,  /* no memory, or more than a limit allows */
    ERR_RANGE = -2,   /* a number outside what is allowed */
    ERR_SYNTAX = -3,  /* text that does not parse */
    ERR_UNKNOWN = -4, /* a name nobody knows */
    ERR_LIMIT = -5,   /* a queue or table is full */
    ERR_SYSTEM = -6,  /* a system call failed; errno says how */
    ERR_EXISTS = -7,  /* already there */
    ERR_STATE = -8,   /* not possible at this moment */
};

#endif
