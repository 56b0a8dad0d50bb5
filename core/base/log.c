#include "core/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REPEAT_SLOTS = 64, REPEAT_TEXT_BYTES = 160, LINE_END_BYTES = 8 };

/* Repeats are told apart by the address of their format: one call site, one format. A slot shared
 * by two formats is handed to the newer one after what the older one held back is told. */
struct repeat {
	const char *format;
	enum log_level level;
	enum log_group group;
	int64_t second;
	uint32_t written_count;
	uint32_t held_count;
	char text[REPEAT_TEXT_BYTES]; /* of the last one held back */
};

/* The one place with process-wide state: a log that had to be passed everywhere would be left out
 * where it is needed most. */
static _Atomic int log_lowest = LOG_LEVEL_INFO;
static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct repeat log_repeats[REPEAT_SLOTS];

static const char *const level_texts[] = {
#define LOG_TEXT(name, text) [LOG_LEVEL_##name] = text,
	LOG_LEVEL_LIST(LOG_TEXT)
#undef LOG_TEXT
};

static const char *const group_texts[] = {
#define LOG_TEXT(name, text) [LOG_##name] = text,
	LOG_GROUP_LIST(LOG_TEXT)
#undef LOG_TEXT
};

void log_set_level(enum log_level lowest)
{
	atomic_store(&log_lowest, (int)lowest);
}

int log_level_parse(const char *text)
{
	for (size_t i = 0; i < sizeof(level_texts) / sizeof(level_texts[0]); i++)
		if (strcmp(text, level_texts[i]) == 0)
			return (int)i;
	return -1;
}

/* Copies with control characters as \n, \t or \xNN (C1 controls in UTF-8 too: a terminal obeys
 * them). Returns the new length. */
static size_t escape(char *out, size_t out_bytes, const char *text)
{
	size_t length = 0;

	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		bool is_c1 = at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F;

		if (length + LINE_END_BYTES >= out_bytes)
			break;
		if (*at == '\n' || *at == '\t') {
			out[length++] = '\\';
			out[length++] = *at == '\n' ? 'n' : 't';
		} else if (*at < 0x20 || *at == 0x7F || is_c1) {
			at += is_c1;
			length +=
				(size_t)snprintf(out + length, out_bytes - length, "\\x%02x", *at);
		} else {
			out[length++] = (char)*at;
		}
	}
	return length;
}

/* One write(2) for one line, so that lines of several processes on one stderr stay whole. */
static void line_write(const struct timespec *now, enum log_level level, enum log_group group,
		       const char *text)
{
	char line[LOG_LINE_BYTES_MAX];
	struct tm utc;

	gmtime_r(&now->tv_sec, &utc);
	size_t length = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
	length += (size_t)snprintf(line + length, sizeof(line) - length,
				   ".%03dZ %s %s: ", (int)(now->tv_nsec / 1000000),
				   level_texts[level], group_texts[group]);
	length += escape(line + length, sizeof(line) - length, text);
	line[length++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, length);
	(void)written; /* nowhere is left to tell it */
}

static void repeat_tell(struct repeat *repeat, const struct timespec *now)
{
	char text[256];

	if (repeat->held_count == 0)
		return;
	snprintf(text, sizeof(text), "%u more like \"%s\" were not written", repeat->held_count,
		 repeat->text);
	line_write(now, repeat->level, repeat->group, text);
	repeat->held_count = 0;
}

/* True when the line may be written. Tells what was held back in seconds that are over. */
static bool repeat_admit(const struct timespec *now, enum log_level level, enum log_group group,
			 const char *format, const char *text)
{
	struct repeat *own = &log_repeats[((uintptr_t)format >> 3) % REPEAT_SLOTS];

	for (size_t i = 0; i < REPEAT_SLOTS; i++)
		if (log_repeats[i].second != now->tv_sec)
			repeat_tell(&log_repeats[i], now);
	if (own->format != format || own->second != now->tv_sec) {
		repeat_tell(own, now);
		*own = (struct repeat){format, level, group, now->tv_sec, 0, 0, {0}};
	}
	if (own->written_count < LOG_REPEATS_PER_S || level == LOG_LEVEL_CRIT) {
		own->written_count++;
		return true;
	}
	own->held_count++;
	snprintf(own->text, sizeof(own->text), "%.*s", REPEAT_TEXT_BYTES - 1, text);
	return false;
}

void log_write(enum log_level level, enum log_group group, const char *format, ...)
{
	char text[LOG_LINE_BYTES_MAX];
	struct timespec now;
	va_list args;
	int saved_errno = errno;

	if ((int)level < atomic_load(&log_lowest))
		return;
	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&log_mutex);
	if (repeat_admit(&now, level, group, format, text))
		line_write(&now, level, group, text);
	pthread_mutex_unlock(&log_mutex);
	errno = saved_errno;
}
