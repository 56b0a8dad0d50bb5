#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
#include "core/model/zone.h"
#include "core/model/zone_internal.h"

/* Offsets are those of Python's zoneinfo. */
Test(zone, offsets_before_between_and_after_the_transitions)
{
	static const struct {
		const char *name;
		int64_t utc_s;
		int32_t offset_s;
	} cases[] = {
		{"Asia/Shanghai", INT64_C(-2524521600), 29143},       /* 1890-01-01T00:00:00 */
		{"Asia/Shanghai", INT64_C(583718400), 32400},         /* 1988-07-01T00:00:00 */
		{"Asia/Shanghai", INT64_C(1526983200), 28800},        /* 2018-05-22T10:00:00 */
		{"Asia/Shanghai", INT64_C(16725225600), 28800},       /* 2500-01-01T00:00:00 */
		{"America/New_York", INT64_C(1772953199), -18000},    /* 2026-03-08T06:59:59 */
		{"America/New_York", INT64_C(1772953200), -14400},    /* 2026-03-08T07:00:00 */
		{"America/New_York", INT64_C(1793512799), -14400},    /* 2026-11-01T05:59:59 */
		{"America/New_York", INT64_C(1793512800), -18000},    /* 2026-11-01T06:00:00 */
		{"America/New_York", INT64_C(15163027200), -14400},   /* 2450-07-01T00:00:00 */
		{"America/New_York", INT64_C(15178924799), -18000},   /* 2450-12-31T23:59:59 */
		{"Australia/Lord_Howe", INT64_C(1768435200), 39600},  /* 2026-01-15T00:00:00 */
		{"Australia/Lord_Howe", INT64_C(1784073600), 37800},  /* 2026-07-15T00:00:00 */
		{"Australia/Lord_Howe", INT64_C(10413792000), 39600}, /* 2300-01-01T00:00:00 */
		{"Europe/Dublin", INT64_C(1768435200), 0},            /* 2026-01-15T00:00:00 */
		{"Europe/Dublin", INT64_C(1784073600), 3600},         /* 2026-07-15T00:00:00 */
		{"Europe/Dublin", INT64_C(10429430400), 3600},        /* 2300-07-01T00:00:00 */
		{"America/Nuuk", INT64_C(1774745999), -7200},         /* 2026-03-29T00:59:59 */
		{"America/Nuuk", INT64_C(1774746000), -3600},         /* 2026-03-29T01:00:00 */
		{"America/Nuuk", INT64_C(10421524800), -3600},        /* 2300-03-31T12:00:00 */
		{"Asia/Kolkata", INT64_C(1780272000), 19800},         /* 2026-06-01T00:00:00 */
		{"Asia/Kathmandu", INT64_C(315532800), 19800},        /* 1980-01-01T00:00:00 */
		{"Asia/Kathmandu", INT64_C(1780272000), 20700},       /* 2026-06-01T00:00:00 */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone *zone = NULL;
		struct err_note why = {0};

		cr_assert_eq(zone_open(&zone, cases[i].name, &why), 0, "%s", why.text);
		cr_expect_eq(zone_offset_s(zone, cases[i].utc_s * 1000), cases[i].offset_s,
			     "%s %ld: %d", cases[i].name, (long)cases[i].utc_s,
			     zone_offset_s(zone, cases[i].utc_s * 1000));
		zone_free(zone);
	}
}

/* The C library reads the same files with code of its own. */
Test(zone, agrees_with_the_c_library)
{
	static const char *const names[] = {
		"Africa/Casablanca", "America/Santiago", "America/St_Johns", "Antarctica/Troll",
		"Asia/Gaza",         "Asia/Tehran",      "Australia/Sydney", "Europe/London",
		"Pacific/Apia",      "Pacific/Chatham",  "Etc/GMT+12",       "UTC",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone *zone = NULL;

		cr_assert_eq(zone_open(&zone, names[i], NULL), 0, "%s", names[i]);
		setenv("TZ", names[i], 1);
		tzset();
		/* 1950 to 2200 in steps of some 11 days, never on the same hour */
		for (time_t utc = -631152000; utc < 7258118400; utc += 977531) {
			struct tm local;

			localtime_r(&utc, &local);
			cr_assert_eq(zone_offset_s(zone, (int64_t)utc * 1000), local.tm_gmtoff,
				     "%s %ld", names[i], (long)utc);
		}
		zone_free(zone);
	}
}

Test(zone, compact_form_is_local_time)
{
	struct zone *zone = NULL;
	char text[24];

	cr_assert_eq(zone_open(&zone, "Asia/Shanghai", NULL), 0);
	cr_expect_eq(zone_format_compact(zone, 1526983200000, text), 17);
	cr_expect_str_eq(text, "20180522 18:00:00");
	zone_format_compact(zone, 1526983200999, text);
	cr_expect_str_eq(text, "20180522 18:00:00");
	zone_free(zone);
}

Test(zone, utc_needs_no_file_and_time_before_1970_works)
{
	struct zone *zone = NULL;
	char text[24];

	cr_assert_eq(zone_open(&zone, "UTC", NULL), 0);
	cr_expect_eq(zone_offset_s(zone, -1), 0);
	zone_format_compact(zone, -1000, text);
	cr_expect_str_eq(text, "19691231 23:59:59");
	zone_free(zone);
}

Test(zone, names_that_are_no_zone_are_not_found)
{
	static const char *const names[] = {
		"",
		"Mars/Olympus",
		"../../etc/passwd",
		"/etc/passwd",
		"Asia",
		"Asia/..",
		"tab",
		"Asia/Shanghai ",
		"Asia\nX",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	struct zone *zone = NULL;
	struct err_note why = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect_eq(zone_open(&zone, names[i], &why), ERR_NOT_FOUND, "%s", names[i]);
		cr_expect_not_null(strstr(why.text, "time zone"));
	}
	cr_expect_null(zone);
}

/* A version 1 file with one transition, from +1 h to +2 h at second 100. */
static const char version_1[] = "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* magic, version, unused */
				"\0\0\0\0\0\0\0\0\0\0\0\0"             /* isut, isstd, leap */
				"\0\0\0\1\0\0\0\2\0\0\0\4"             /* time, type, char */
				"\0\0\0\x64\1"                         /* time, its type */
				"\0\0\x0e\x10\0\0\0\0\x1c\x20\1\0"     /* types */
				"ABC";                                 /* and its NUL */

Test(zone, version_1_files_are_read)
{
	struct zone *zone = NULL;

	cr_assert_eq(zone_decode(&zone, (struct slice){version_1, sizeof(version_1)}, "t", NULL),
		     0);
	cr_expect_eq(zone_offset_s(zone, 99999), 3600);
	cr_expect_eq(zone_offset_s(zone, 100000), 7200);
	zone_free(zone);
}

Test(zone, damaged_files_are_refused)
{
	struct zone *zone = NULL;
	char file[sizeof(version_1)];

	for (size_t length = 0; length < sizeof(version_1); length++)
		cr_expect_eq(zone_decode(&zone, (struct slice){version_1, length}, "t", NULL),
			     ERR_CORRUPT);
	memcpy(file, version_1, sizeof(file));
	file[48] = 2; /* no such type */
	cr_expect_eq(zone_decode(&zone, (struct slice){file, sizeof(file)}, "t", NULL),
		     ERR_CORRUPT);
	file[48] = 1;
	file[36] = 0; /* no types at all */
	file[39] = 0;
	cr_expect_eq(zone_decode(&zone, (struct slice){file, sizeof(file)}, "t", NULL),
		     ERR_CORRUPT);
	cr_expect_null(zone);
}

Test(zone, rule_strings)
{
	static const char *const good[] = {"CST-8",
					   "<+0530>-5:30",
					   "EST5EDT,M3.2.0,M11.1.0",
					   "IST-1GMT0,M10.5.0,M3.5.0/1",
					   "<-03>3",
					   "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
					   "XXX3YYY,J60/0,365/25:30:15"};
	static const char *const bad[] = {"",
					  "C",
					  "CST",
					  "CST-8x",
					  "CST-25",
					  "EST5EDT",
					  "EST5EDT,M3.2",
					  "<+08-8",
					  "EST5EDT,M13.2.0,M11.1.0",
					  "EST5EDT,M3.6.0,M11.1.0",
					  "EST5EDT,M3.2.7,M11.1.0",
					  "EST5EDT,J0,J5",
					  "EST5EDT,J1/168,J5",
					  "EST5EDT,366,1"};
	struct zone_rule rule;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect_eq(zone_rule_parse(&rule, slice_of(good[i])), 0, "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(zone_rule_parse(&rule, slice_of(bad[i])), ERR_CORRUPT, "%s", bad[i]);
}

/* J60 is March 1 in every year; 59 (from 0) is February 29 in a leap year. */
Test(zone, julian_days_skip_the_leap_day)
{
	struct zone_rule rule;

	cr_assert_eq(zone_rule_parse(&rule, SLICE_LITERAL("XXX0YYY,J60/0,300")), 0);
	cr_expect_eq(zone_rule_offset_s(&rule, 1709251199), 0);    /* 2024-02-29T23:59:59 */
	cr_expect_eq(zone_rule_offset_s(&rule, 1709251200), 3600); /* 2024-03-01 */
	cr_expect_eq(zone_rule_offset_s(&rule, 1677628800), 3600); /* 2023-03-01 */
	cr_assert_eq(zone_rule_parse(&rule, SLICE_LITERAL("XXX0YYY,59/0,300")), 0);
	cr_expect_eq(zone_rule_offset_s(&rule, 1709164800), 3600); /* 2024-02-29 */
}
