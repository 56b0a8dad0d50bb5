/** span.h - lengths of time as people write them: "5s", "90s", "1m", "24h", "30d", "250ms". */
#ifndef TOCSIN_CORE_MODEL_SPAN_H
#define TOCSIN_CORE_MODEL_SPAN_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;

enum { PANE_MS = 5000, PANE_LONG_MS = 60000 };

/** Any span: a whole number and one of ms s m h d. ERR_INVALID names the text and the forms;
 *  ERR_RANGE above 36500d. */
int span_parse(const char *text, int64_t *out_ms, struct err_note *why);

/** A rule's window: 5-60 s in multiples of 5, 1-60 m, 1-24 h, 1-30 d; ERR_INVALID and
 *  ERR_RANGE list these. */
int span_parse_window(const char *text, int64_t *out_ms, struct err_note *why);

/** Panes of a window: PANE_MS up to one hour, PANE_LONG_MS above (evaluated at every pane end). */
int64_t span_pane_ms(int64_t window_ms);

/** The last multiple of `step_ms` that is not after `ms`, also before 1970: where a pane begins. */
static inline int64_t span_floor(int64_t ms, int64_t step_ms)
{
	int64_t rest = ms % step_ms;

	return ms - (rest < 0 ? rest + step_ms : rest);
}

/** "5m", "1h", "90s": the shortest exact form. Returns the length. */
int span_format(int64_t ms, char *out, unsigned out_bytes);

#endif
