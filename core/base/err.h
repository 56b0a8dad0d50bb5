/** err.h - error codes, and the sentence that goes with one.
 *
 *  Fallible functions return int: 0, or a negative `enum err`. Detail goes to the last parameter
 *  `why`: a full sentence naming the object, untouched on success. Callers may add context in
 *  front with err_prefix(). `why` may be NULL when nobody reads it.
 *
 *  To add a code: one row in ERR_LIST; names and sentences are derived from it.
 */
#ifndef TOCSIN_CORE_BASE_ERR_H
#define TOCSIN_CORE_BASE_ERR_H

#include <stdarg.h>

#define ERR_LIST(X)                                                                                \
	X(INVALID, 1, "the input is not valid")                                                    \
	X(NOT_FOUND, 2, "it does not exist")                                                       \
	X(RANGE, 3, "a value is outside its limits")                                               \
	X(FULL, 4, "a limit is reached")                                                           \
	X(IO, 5, "reading or writing failed")                                                      \
	X(CORRUPT, 6, "stored data is damaged")                                                    \
	X(AGAIN, 7, "not now, try again")                                                          \
	X(TIMEOUT, 8, "the time allowed ran out")                                                  \
	X(DENIED, 9, "it is not allowed")                                                          \
	X(CONFLICT, 10, "it changed in the meantime")                                              \
	X(UNSUPPORTED, 11, "this is not supported")                                                \
	X(BUDGET, 12, "a script used up its budget")                                               \
	X(MEMORY, 13, "a script used up its memory")                                               \
	X(SCRIPT, 14, "a script raised an error")                                                  \
	X(CLOSED, 15, "the other side closed")                                                     \
	X(EXISTS, 16, "it exists already")

enum err {
	ERR_OK = 0,
#define ERR_ENUM(name, number, sentence) ERR_##name = -(number),
	ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

enum { ERR_NOTE_BYTES_MAX = 1024 };

/** The sentence of one failure. Zero-initialise; no clean-up. */
struct err_note {
	char text[ERR_NOTE_BYTES_MAX];
};

/** Writes the sentence (cut at the limit) and returns `code`, so that it can end a function. */
int err_set(struct err_note *why, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int err_vset(struct err_note *why, int code, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/** Like err_set with ": <strerror(number)>" at the end. */
int err_errno(struct err_note *why, int code, int number, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Puts "<context>: " in front of the sentence. */
void err_prefix(struct err_note *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** "ERR_IO" style name and general sentence of a code; never NULL. */
const char *err_name(int code);
const char *err_sentence(int code);

#ifdef __clang_analyzer__
/* The analyzer reads one file at a time and cannot know that these return their code. */
#define err_set(why, code, ...)   ((void)(err_set)(why, code, __VA_ARGS__), (code))
#define err_errno(why, code, ...) ((void)(err_errno)(why, code, __VA_ARGS__), (code))
#endif

#endif
