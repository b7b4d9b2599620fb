/*
 * scaled.h - SCALED(full, short): how much of it. Short where a sanitizer makes
 * everything ten times as slow: there it is the kinds of things done that
 * count, the others builds do them often.
 */
#ifndef SUPPORT_SCALED_H
#define SUPPORT_SCALED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#define SCALED(full, short) (IS_SANITIZED ? (short) : (full))

#endif
