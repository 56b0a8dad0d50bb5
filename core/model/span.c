#include "core/model/span.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"

#define SPAN_MS_MAX (INT64_C(36500) * 86400000) /* a century: sums of spans and times never wrap */

enum { MS_PER_S = 1000, MS_PER_M = 60000, MS_PER_H = 3600000, MS_PER_D = 86400000 };

/* Largest first, for span_format(). A window is `window_min` to `window_max` units in steps. */
static const struct unit {
	const char *suffix;
	int64_t ms;
	int64_t window_min, window_max, window_step;
} units[] = {
	{"d", MS_PER_D, 1, 30, 1}, {"h", MS_PER_H, 1, 24, 1}, {"m", MS_PER_M, 1, 60, 1},
	{"s", MS_PER_S, 5, 60, 5}, {"ms", 1, 0, 0, 0},
};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]), SHOWN_BYTES_MAX = 40 };

static const struct unit *unit_find(const char *suffix)
{
	for (size_t i = 0; i < UNIT_COUNT; i++)
		if (strcmp(units[i].suffix, suffix) == 0)
			return &units[i];
	return NULL;
}

static int not_a_span(const char *text, struct err_note *why)
{
	return err_set(
		why, ERR_INVALID,
		"\"%.*s\" is not a span of time: write a whole number and one of ms, s, m, h, "
		"d, for example \"30s\" or \"5m\"",
		SHOWN_BYTES_MAX, text);
}

static int span_read(const char *text, int64_t *out_number, const struct unit **out_unit,
		     struct err_note *why)
{
	const char *at = text;
	int64_t number = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		if (number <= SPAN_MS_MAX)
			number = number * 10 + (*at - '0');
	const struct unit *unit = at == text ? NULL : unit_find(at);
	if (unit == NULL)
		return not_a_span(text, why);
	if (number > SPAN_MS_MAX / unit->ms)
		return err_set(why, ERR_RANGE, "\"%.*s\" is too long a span: at most 36500d",
			       SHOWN_BYTES_MAX, text);
	*out_number = number;
	*out_unit = unit;
	return 0;
}

int span_parse(const char *text, int64_t *out_ms, struct err_note *why)
{
	const struct unit *unit = NULL;
	int64_t number = 0;
	int code = span_read(text, &number, &unit, why);

	if (code == 0)
		*out_ms = number * unit->ms;
	return code;
}

int span_parse_window(const char *text, int64_t *out_ms, struct err_note *why)
{
	const struct unit *unit = NULL;
	int64_t number = 0;
	int code = span_read(text, &number, &unit, NULL);

	if (code == 0 && unit->window_step != 0 && number >= unit->window_min &&
	    number <= unit->window_max && number % unit->window_step == 0) {
		*out_ms = number * unit->ms;
		return 0;
	}
	return err_set(why, code == 0 ? ERR_RANGE : code,
		       "\"%.*s\" is not a window: allowed are 5s to 60s in steps of 5s, 1m to 60m, "
		       "1h to 24h, 1d to 30d",
		       SHOWN_BYTES_MAX, text);
}

int64_t span_pane_ms(int64_t window_ms)
{
	return window_ms <= MS_PER_H ? PANE_MS : PANE_LONG_MS;
}

int span_format(int64_t ms, char *out, unsigned out_bytes)
{
	size_t i = 0;

	if (ms == 0)
		return snprintf(out, out_bytes, "0s");
	while (ms % units[i].ms != 0)
		i++;
	return snprintf(out, out_bytes, "%" PRId64 "%s", ms / units[i].ms, units[i].suffix);
}
