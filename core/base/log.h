/** log.h - one line to stderr per message: `2026-11-22T06:00:00.123Z warn ingest: text`.
 *
 *  Levels promise: debug (for developers, off by default), info (a state the operator asked for),
 *  warn (service degraded, someone should look), error (one operation lost), crit (exiting).
 *  Control characters in the text are escaped, so a log line cannot forge another.
 *  Repeats of one format are limited to LOG_REPEATS_PER_S a second; the rest is counted and told.
 *  Threads: any.
 */
#ifndef TOCSIN_CORE_BASE_LOG_H
#define TOCSIN_CORE_BASE_LOG_H

#include <stdint.h>

#define LOG_GROUP_LIST(X)                                                                          \
	X(BASE, "base")                                                                            \
	X(LOOP, "loop")                                                                            \
	X(CONFIG, "config")                                                                        \
	X(STORAGE, "storage")                                                                      \
	X(INGEST, "ingest")                                                                        \
	X(RULE, "rule")                                                                            \
	X(INCIDENT, "incident")                                                                    \
	X(PLAN, "plan")                                                                            \
	X(OUTBOX, "outbox")                                                                        \
	X(CONTROL, "control")                                                                      \
	X(LUA, "lua")                                                                              \
	X(APP, "app")

#define LOG_LEVEL_LIST(X)                                                                          \
	X(DEBUG, "debug")                                                                          \
	X(INFO, "info")                                                                            \
	X(WARN, "warn")                                                                            \
	X(ERROR, "error")                                                                          \
	X(CRIT, "crit")

enum log_group {
#define LOG_ENUM(name, text) LOG_##name,
	LOG_GROUP_LIST(LOG_ENUM)
#undef LOG_ENUM
};

enum log_level {
#define LOG_ENUM(name, text) LOG_LEVEL_##name,
	LOG_LEVEL_LIST(LOG_ENUM)
#undef LOG_ENUM
};

enum { LOG_REPEATS_PER_S = 10, LOG_LINE_BYTES_MAX = 2048 };

void log_set_level(enum log_level lowest);
int log_level_parse(const char *text); /**< enum log_level, or -1 */

void log_write(enum log_level level, enum log_group group, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(group, ...) log_write(LOG_LEVEL_DEBUG, LOG_##group, __VA_ARGS__)
#define log_info(group, ...)  log_write(LOG_LEVEL_INFO, LOG_##group, __VA_ARGS__)
#define log_warn(group, ...)  log_write(LOG_LEVEL_WARN, LOG_##group, __VA_ARGS__)
#define log_error(group, ...) log_write(LOG_LEVEL_ERROR, LOG_##group, __VA_ARGS__)
#define log_crit(group, ...)  log_write(LOG_LEVEL_CRIT, LOG_##group, __VA_ARGS__)

#endif
