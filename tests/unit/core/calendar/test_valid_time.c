#include "core/calendar/valid_time.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/report.h"
#include "core/config/tree.h"
#include "core/model/timestamp.h"

struct site {
	struct arena arena;
	struct report report;
	struct tree *ranges, *whole;
};

static void site_init(struct site *site)
{
	arena_init(&site->arena);
	report_init(&site->report);
	site->ranges = tree_new(&site->arena, TREE_LIST, 3);
	site->whole = tree_new(&site->arena, TREE_MAP, 2);
	site->ranges->key = "ranges";
	tree_add(site->whole, site->ranges);
}

static void site_deinit(struct site *site)
{
	report_deinit(&site->report);
	arena_deinit(&site->arena);
}

static struct tree *add_text(struct site *site, struct tree *parent, const char *key,
			     const char *text)
{
	struct tree *tree = tree_new(&site->arena, TREE_STRING, 4);

	tree->key = key;
	tree->text = text;
	tree->text_length = (uint32_t)strlen(text);
	tree_add(parent, tree);
	return tree;
}

static void add_range(struct site *site, const char *days, const char *from, const char *to)
{
	struct tree *range = tree_new(&site->arena, TREE_MAP, 4);

	if (days != NULL)
		add_text(site, range, "days", days);
	if (from != NULL)
		add_text(site, range, "from", from);
	if (to != NULL)
		add_text(site, range, "to", to);
	tree_add(site->ranges, range);
}

static void add_except(struct site *site, const char *day)
{
	struct tree *except = tree_new(&site->arena, TREE_LIST, 5);

	except->key = "except";
	add_text(site, except, NULL, day);
	tree_add(site->whole, except);
}

static struct valid_time *make(struct site *site, const char *zone)
{
	return valid_time_new(site->whole, zone, "rules/a/1.lua", &site->report);
}

/** "+instant" is within the times, "-instant" is not; lets the site go. */
static void expect_times(struct site *site, const char *zone, const char *const *instants)
{
	struct valid_time *valid = make(site, zone);
	int64_t ms;

	cr_assert_not_null(valid);
	for (; *instants != NULL; instants++) {
		cr_assert_eq(timestamp_parse(slice_of(*instants + 1), &ms), 0, "%s", *instants);
		cr_expect_eq(valid_time_holds(valid, ms), **instants == '+', "%s", *instants);
	}
	valid_time_free(valid);
	site_deinit(site);
}
#define EXPECT_TIMES(site, zone, ...)                                                              \
	expect_times(site, zone, (const char *const[]){__VA_ARGS__, NULL})

Test(valid_time, office_hours_in_the_zone_of_the_site)
{
	struct site site;

	site_init(&site);
	add_range(&site, "mon-fri", "08:00", "20:00");
	EXPECT_TIMES(&site, "Asia/Shanghai", "-2026-11-23T07:59:59.999+08:00", /* Monday */
		     "+2026-11-23T08:00:00+08:00", "+2026-11-23T19:59:59.999+08:00",
		     "-2026-11-23T20:00:00+08:00", "+2026-11-27T12:00:00+08:00",
		     "-2026-11-28T12:00:00+08:00");
}

Test(valid_time, a_window_counts_by_its_last_instant)
{
	struct site site;
	struct valid_time *valid;
	int64_t ms;

	site_init(&site);
	add_range(&site, NULL, "08:00", "20:00");
	valid = make(&site, "UTC");
	timestamp_parse(slice_of("2026-11-23T08:00:00Z"), &ms);
	cr_expect_not(valid_time_judges(valid, ms));
	cr_expect(valid_time_judges(valid, ms + 5000));
	timestamp_parse(slice_of("2026-11-23T20:00:00Z"), &ms);
	cr_expect(valid_time_judges(valid, ms));
	cr_expect_not(valid_time_judges(valid, ms + 5000));
	valid_time_free(valid);
	site_deinit(&site);
}

Test(valid_time, a_night_belongs_to_the_day_on_which_it_began)
{
	struct site site;

	site_init(&site);
	add_range(&site, "fri", "22:00", "02:00");
	EXPECT_TIMES(&site, "UTC", "+2026-11-27T23:00:00Z", /* Friday */
		     "+2026-11-28T01:59:00Z", "-2026-11-28T02:00:00Z", "-2026-11-28T22:00:00Z",
		     "-2026-11-27T01:00:00Z");
}

Test(valid_time, excepted_days_are_left_out_with_their_nights)
{
	struct site site;

	site_init(&site);
	add_range(&site, "sat-mon", NULL, NULL);
	add_range(&site, "tue,wed", "22:00", "02:00");
	add_except(&site, "2026-11-24");
	EXPECT_TIMES(&site, "UTC", "+2026-11-22T00:00:00Z", /* Sunday */
		     "+2026-11-23T23:59:59Z", "-2026-11-24T23:00:00Z", "-2026-11-25T01:00:00Z",
		     "+2026-11-25T23:00:00Z", "+2026-11-26T01:00:00Z", "-2026-11-26T03:00:00Z");
}

/* 2026-03-08 in New York: 01:59:59 is followed by 03:00. 2026-11-01: 01:00 to 02:00 comes twice. */
Test(valid_time, the_clock_on_the_wall_counts_when_it_is_changed)
{
	struct site site;

	site_init(&site);
	add_range(&site, NULL, "01:30", "03:30");
	EXPECT_TIMES(&site, "America/New_York", "-2026-03-08T06:29:59Z", "+2026-03-08T06:30:00Z",
		     "+2026-03-08T07:29:59Z", "-2026-03-08T07:30:00Z", "+2026-11-01T05:30:00Z",
		     "-2026-11-01T06:00:00Z", /* 01:00 again */
		     "+2026-11-01T06:30:00Z");
}

Test(valid_time, without_ranges_all_but_the_excepted_days)
{
	struct site site;

	site_init(&site);
	add_except(&site, "2026-11-24");
	EXPECT_TIMES(&site, "UTC", "+2026-11-23T23:59:59Z", "-2026-11-24T00:00:00Z",
		     "+2026-11-25T00:00:00Z");
}

static void expect_fault(struct site *site, int line, const char *text)
{
	cr_assert_null(make(site, "UTC"));
	cr_assert_eq(site->report.count, 1);
	cr_expect_eq(site->report.findings[0].line, line);
	cr_expect_not_null(strstr(site->report.findings[0].text, text), "%s",
			   site->report.findings[0].text);
	site_deinit(site);
}

Test(valid_time, faults_say_what_is_allowed)
{
	struct site site;

	site_init(&site);
	add_range(&site, "mon-frday", NULL, NULL);
	expect_fault(&site, 4, "mon, tue, wed, thu, fri, sat, sun, found \"mon-frday\"");
	site_init(&site);
	add_range(&site, NULL, "8:00", NULL);
	expect_fault(&site, 4, "a clock time from 00:00 to 24:00, found \"8:00\"");
	site_init(&site);
	add_range(&site, NULL, NULL, "24:01");
	expect_fault(&site, 4, "\"to\" of valid_time must be a clock time");
	site_init(&site);
	add_range(&site, NULL, "24:00", NULL);
	expect_fault(&site, 4, "\"from\" of valid_time must be before 24:00");
	site_init(&site);
	add_except(&site, "2026-02-29");
	expect_fault(&site, 4, "days such as \"2026-10-01\", found \"2026-02-29\"");
	site_init(&site);
	add_range(&site, "mon-fri", NULL, NULL);
	add_text(&site, site.whole, "zone", "Asia/Shanghei");
	expect_fault(&site, 4, "\"Asia/Shanghei\" is not the name of a time zone");
	site_init(&site);
	add_text(&site, site.whole, "zones", "UTC");
	expect_fault(&site, 4, "zones");
	site_init(&site);
	add_text(&site, site.whole, "zone", "UTC");
	expect_fault(&site, 2, "no ranges and no days in \"except\"");
}
