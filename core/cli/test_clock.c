#include "core/cli/test_clock.h"

#include "core/base/err.h"
#include "core/base/number.h"
#include "core/model/timestamp.h"

static const int64_t step_max_ms = 400LL * 24 * 3600 * 1000;

int test_clock_span(const char *text, int64_t *out_ms, struct err_note *why)
{
	int64_t ms = 0;

	if (number_parse_int(slice_of(text), &ms) != 0 || ms < 1 || ms > step_max_ms)
		return err_set(why, ERR_RANGE, "time advances by 1 ms to 400 days");
	*out_ms = ms;
	return 0;
}

int test_clock_until(const char *text, int64_t now_ms, int64_t *out_ms, struct err_note *why)
{
	char now[TIMESTAMP_TEXT_BYTES_MAX];
	int64_t ms;

	timestamp_format(now_ms, now);
	if (timestamp_parse(slice_of(text), &ms) != 0)
		return err_set(why, ERR_INVALID,
			       "\"%s\" is not a time like \"2026-01-05T08:00:00Z\"", text);
	if (ms < now_ms || ms - now_ms > step_max_ms)
		return err_set(why, ERR_RANGE,
			       "it is %s: a time may be up to 400 days later, and not before", now);
	*out_ms = ms - now_ms;
	return 0;
}
