/** test_clock.h - the clock of a test's case: it begins on a Monday, and only the test moves it. */
#ifndef TOCSIN_CORE_CLI_TEST_CLOCK_H
#define TOCSIN_CORE_CLI_TEST_CLOCK_H

#include <stdint.h>

struct err_note;

#define TEST_BEGIN_MS 1767571200000LL /* 2026-01-05T00:00:00Z */

/** Of t.advance(): milliseconds. ERR_RANGE. */
int test_clock_span(const char *text, int64_t *out_ms, struct err_note *why);
/** Of t.at(): how long it is from `now_ms` until then. ERR_INVALID, ERR_RANGE. */
int test_clock_until(const char *text, int64_t now_ms, int64_t *out_ms, struct err_note *why);

#endif
