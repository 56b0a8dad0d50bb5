#include "core/paging/cap_log.h"

#include "core/base/mem.h"
#include "core/config/config_paging.h"

#include <string.h>

void cap_log_deinit(struct cap_log *log)
{
	mem_free(log->times);
	*log = (struct cap_log){0};
}

static uint32_t longest(const struct config_caps *caps)
{
	uint32_t at = 0;

	for (uint32_t i = 1; i < caps->count; i++)
		if (caps->rates[i].span_ms > caps->rates[at].span_ms)
			at = i;
	return at;
}

uint32_t caps_allowed(const struct config_caps *caps, uint32_t index, uint32_t reserve,
		      bool is_high)
{
	uint32_t count = caps->rates[index].count;
	uint32_t whole = caps->rates[longest(caps)].count;
	uint64_t kept = ((uint64_t)count * reserve + whole - 1) / whole;

	if (is_high)
		return count;
	if (kept > count / 2)
		kept = count / 2;
	return count - (uint32_t)kept;
}

/** Index of the first time within the span that ends now. */
static uint32_t first_within(const struct cap_log *log, int64_t span_ms, int64_t now_ms)
{
	uint32_t at = log->count;

	while (at > 0 && log->times[at - 1] > now_ms - span_ms)
		at--;
	return at;
}

uint32_t cap_log_used(const struct cap_log *log, int64_t span_ms, int64_t now_ms)
{
	return log->count - first_within(log, span_ms, now_ms);
}

int64_t cap_log_free_ms(const struct cap_log *log, const struct config_caps *caps, uint32_t reserve,
			bool is_high, int64_t now_ms, uint32_t *full)
{
	int64_t free_ms = 0;

	for (uint32_t i = 0; i < caps->count; i++) {
		uint32_t first = first_within(log, caps->rates[i].span_ms, now_ms);
		uint32_t allowed = caps_allowed(caps, i, reserve, is_high);
		int64_t until_ms;

		if (log->count - first < allowed)
			continue;
		/* So many must leave the span that one fewer than allowed are in it. */
		until_ms = log->times[log->count - allowed] + caps->rates[i].span_ms;
		if (until_ms > free_ms) {
			free_ms = until_ms;
			*full = i;
		}
	}
	return free_ms;
}

void cap_log_settle(struct cap_log *log, int64_t now_ms)
{
	for (uint32_t i = log->count; i > 0 && log->times[i - 1] > now_ms; i--)
		log->times[i - 1] = now_ms;
}

static void forget(struct cap_log *log, const struct config_caps *caps, int64_t now_ms)
{
	int64_t span_ms = caps->count > 0 ? caps->rates[longest(caps)].span_ms : 0;
	uint32_t first = first_within(log, span_ms, now_ms);

	if (first == 0)
		return;
	memmove(log->times, log->times + first, (log->count - first) * sizeof(*log->times));
	log->count -= first;
}

void cap_log_take(struct cap_log *log, const struct config_caps *caps, int64_t now_ms)
{
	forget(log, caps, now_ms);
	cap_log_settle(log, now_ms);
	if (log->count == CONFIG_CAP_COUNT_MAX) { /* a way without caps: the last ones will do */
		log->count--;
		memmove(log->times, log->times + 1, log->count * sizeof(*log->times));
	}
	if (log->count == log->capacity) {
		log->capacity = log->capacity == 0 ? 8 : 2 * log->capacity;
		log->times = mem_grow(log->times, log->capacity, sizeof(*log->times));
	}
	log->times[log->count++] = now_ms;
}

int64_t cap_log_last_ms(const struct cap_log *log)
{
	return log->count > 0 ? log->times[log->count - 1] : INT64_MIN;
}

void cap_log_encode(const struct cap_log *log, struct bytes *out)
{
	for (uint32_t i = 0; i < log->count; i++)
		bytes_append_be64(out, (uint64_t)log->times[i]);
}

bool cap_log_decode(struct cap_log *log, struct slice content)
{
	struct byte_reader reader = byte_reader_of(content);

	if (content.length % sizeof(uint64_t) != 0 ||
	    content.length / sizeof(uint64_t) > CONFIG_CAP_COUNT_MAX)
		return false;
	log->count = log->capacity = (uint32_t)(content.length / sizeof(uint64_t));
	log->times = mem_alloc_array(log->count + 1, sizeof(*log->times));
	for (uint32_t i = 0; i < log->count; i++)
		log->times[i] = (int64_t)byte_reader_be64(&reader);
	return true;
}
