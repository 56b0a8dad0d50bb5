#include "core/model/local_day.h"

#include <criterion/criterion.h>

#include "core/base/err.h"
#include "core/model/zone.h"

static struct zone *open_zone(const char *name)
{
	struct zone *zone = NULL;
	struct err_note why = {0};

	cr_assert_eq(zone_open(&zone, name, &why), 0, "%s", why.text);
	return zone;
}

/* Python's zoneinfo, searched minute by minute: days with a change of the clock before, at and
 * after midnight, a day that begins at 01:00, and the day after the one that Samoa skipped. */
Test(local_day, first_instant_of_a_day)
{
	static const struct {
		const char *zone;
		int64_t day;
		int64_t start_s;
	} cases[] = {
		{"UTC", 20779, INT64_C(1795305600)},                 /* 2026-11-22 */
		{"Asia/Shanghai", 20779, INT64_C(1795276800)},       /* 2026-11-22 */
		{"America/New_York", 20520, INT64_C(1772946000)},    /* 2026-03-08 */
		{"America/New_York", 20521, INT64_C(1773028800)},    /* 2026-03-09 */
		{"America/New_York", 20758, INT64_C(1793505600)},    /* 2026-11-01 */
		{"America/New_York", 20759, INT64_C(1793595600)},    /* 2026-11-02 */
		{"America/Sao_Paulo", 17839, INT64_C(1541300400)},   /* 2018-11-04 */
		{"Asia/Beirut", 19078, INT64_C(1648332000)},         /* 2022-03-27 */
		{"Australia/Lord_Howe", 20730, INT64_C(1791034200)}, /* 2026-10-04 */
		{"Asia/Kolkata", 20605, INT64_C(1780252200)},        /* 2026-06-01 */
		{"America/Havana", 20758, INT64_C(1793505600)},      /* 2026-11-01 */
		{"Pacific/Apia", 15339, INT64_C(1325239200)},        /* 2011-12-31 */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone *zone = open_zone(cases[i].zone);
		int64_t start_ms = local_day_start_ms(zone, cases[i].day);

		cr_expect_eq(start_ms, cases[i].start_s * 1000, "%s %ld: %ld", cases[i].zone,
			     (long)cases[i].day, (long)start_ms);
		cr_expect_eq(local_day_of(zone, start_ms), cases[i].day);
		cr_expect_lt(local_day_of(zone, start_ms - 1), cases[i].day);
		zone_free(zone);
	}
}

Test(local_day, same_clock_some_days_before)
{
	static const struct {
		const char *zone;
		int64_t at_s;
		int64_t days;
		int64_t before_s;
	} cases[] = {
		/* 02:30 was skipped the day before: the first instant after the gap */
		{"America/New_York", INT64_C(1773037800), 1, INT64_C(1772953200)},
		{"America/New_York", INT64_C(1773072000), 1, INT64_C(1772985600)},
		/* 01:30 was shown twice the day before: the first of them */
		{"America/New_York", INT64_C(1793601000), 1, INT64_C(1793511000)},
		/* a week before the clock was put back: an hour more lies between */
		{"America/New_York", INT64_C(1794157200), 7, INT64_C(1793552400)},
		{"America/New_York", INT64_C(1772985600), 1, INT64_C(1772902800)},
		{"Asia/Shanghai", INT64_C(1795341600), 1, INT64_C(1795255200)},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone *zone = open_zone(cases[i].zone);
		int64_t before_ms = local_same_clock_ms(zone, cases[i].at_s * 1000, cases[i].days);

		cr_expect_eq(before_ms, cases[i].before_s * 1000, "%zu: %ld", i, (long)before_ms);
		zone_free(zone);
	}
}

Test(local_day, clock_and_weekday)
{
	struct zone *zone = open_zone("Asia/Shanghai");

	cr_expect_eq(local_clock_ms(zone, INT64_C(1795341600123)), 18 * 3600000 + 123);
	cr_expect_eq(local_clock_ms(zone, -1), 8 * 3600000 - 1);
	cr_expect_eq(local_day_weekday(20779), 6); /* 2026-11-22 is a Sunday */
	cr_expect_eq(local_day_weekday(20780), 0);
	cr_expect_eq(local_day_weekday(0), 3);
	cr_expect_eq(local_day_weekday(-4), 6);
	zone_free(zone);
}

Test(local_day, dates_that_exist_are_read)
{
	static const char *const bad[] = {"2026-02-29", "2026-13-01", "2026-1-1",   "20261122",
					  "2026/11/22", "",           "2026-11-2x", "2026-11-22 "};
	int64_t day = 0;

	cr_expect(local_day_parse("2026-11-22", &day));
	cr_expect_eq(day, 20779);
	cr_expect(local_day_parse("2024-02-29", &day));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(local_day_parse(bad[i], &day), "%s", bad[i]);
}
