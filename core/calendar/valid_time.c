#include "core/calendar/valid_time.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/options.h"
#include "core/config/tree.h"
#include "core/model/local_day.h"
#include "core/model/zone.h"

#include <string.h>

enum { EVERY_DAY = 0x7F };

struct range {
	unsigned days;             /* bit 0 = Monday */
	int64_t from_ms, until_ms; /* of the clock; until_ms <= from_ms goes over midnight */
};

struct valid_time {
	struct zone *zone;
	struct range ranges[VALID_TIME_RANGES_MAX];
	uint32_t range_count;
	int64_t *except; /* local days */
	uint32_t except_count;
};

static const struct option range_rows[] = {
	{.name = "days",
	 .type = OPTION_TEXT,
	 .example = "\"mon-fri\"",
	 .help = "days of the week, joined by commas; default: every day"},
	{.name = "from",
	 .type = OPTION_TEXT,
	 .example = "\"08:00\"",
	 .help = "clock time from which it holds"},
	{.name = "to",
	 .type = OPTION_TEXT,
	 .example = "\"20:00\"",
	 .help = "clock time until which it holds; 24:00 is midnight"},
	{.name = NULL},
};

const struct option valid_time_rows[] = {
	{.name = "ranges",
	 .type = OPTION_LIST,
	 .example = "{ { days = \"mon-fri\", from = \"08:00\", to = \"20:00\" } }",
	 .help = "when the rule is judged; may stand in the table itself",
	 .rows = range_rows},
	{.name = "zone",
	 .type = OPTION_TEXT,
	 .example = "\"Asia/Shanghai\"",
	 .help = "zone of the clock; default: the site's"},
	{.name = "except",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"2026-10-01\" }",
	 .help = "days that are left out"},
	{.name = NULL},
};

struct reading {
	struct valid_time *valid;
	const char *file;
	struct report *report;
};

static void read_clock(const struct reading *reading, const struct tree *item, const char *name,
		       int64_t *out_ms)
{
	const struct tree *entry = tree_get(item, name);

	if (entry != NULL && !local_clock_parse(entry->text, out_ms))
		report_add(reading->report, reading->file, entry->line,
			   "\"%s\" of valid_time must be a clock time from 00:00 to 24:00, found "
			   "\"%.40s\"; example: %s = \"08:00\"",
			   name, entry->text, name);
}

static void read_range(const struct reading *reading, const struct tree *item)
{
	struct valid_time *valid = reading->valid;
	struct range range = {.days = EVERY_DAY, .until_ms = LOCAL_DAY_MS};
	const struct tree *days;

	if (options_check(item, range_rows, reading->file, "valid_time", reading->report) > 0)
		return;
	days = tree_get(item, "days");
	if (days != NULL && !local_weekdays_parse(days->text, &range.days))
		report_add(reading->report, reading->file, days->line,
			   "\"days\" of valid_time must have mon, tue, wed, thu, fri, sat, sun, "
			   "found \"%.64s\"; example: days = \"mon-fri\" or \"sat,sun\"",
			   days->text);
	read_clock(reading, item, "from", &range.from_ms);
	read_clock(reading, item, "to", &range.until_ms);
	if (range.from_ms == LOCAL_DAY_MS)
		report_add(reading->report, reading->file, item->line,
			   "\"from\" of valid_time must be before 24:00; a range over midnight is "
			   "from = \"22:00\", to = \"02:00\"");
	if (valid->range_count == VALID_TIME_RANGES_MAX)
		report_add(reading->report, reading->file, item->line,
			   "valid_time has more than %d ranges", VALID_TIME_RANGES_MAX);
	else
		valid->ranges[valid->range_count++] = range;
}

static void read_except(const struct reading *reading, const struct tree *except)
{
	struct valid_time *valid = reading->valid;

	if (except->child_count > VALID_TIME_EXCEPT_MAX) {
		report_add(reading->report, reading->file, except->line,
			   "\"except\" of valid_time has %u days; at most %d are allowed",
			   except->child_count, VALID_TIME_EXCEPT_MAX);
		return;
	}
	valid->except = mem_alloc_array(except->child_count + 1, sizeof(*valid->except));
	for (const struct tree *item = except->first; item != NULL; item = item->next) {
		if (local_day_parse(item->text, &valid->except[valid->except_count])) {
			valid->except_count++;
			continue;
		}
		report_add(reading->report, reading->file, item->line,
			   "\"except\" of valid_time must have days such as \"2026-10-01\", found "
			   "\"%.40s\"",
			   item->text);
	}
}

static void read_zone(const struct reading *reading, const struct tree *zone, const char *site_zone)
{
	struct err_note why = {""};

	if (zone_open(&reading->valid->zone, zone != NULL ? zone->text : site_zone, &why) != 0)
		report_add(reading->report, reading->file, zone != NULL ? zone->line : 0, "%s",
			   why.text);
}

static void read_ranges(const struct reading *reading, const struct tree *ranges)
{
	char found[TREE_DESCRIPTION_BYTES_MAX];

	for (const struct tree *item = ranges->first; item != NULL; item = item->next)
		if (tree_is_map(item))
			read_range(reading, item);
		else
			report_add(reading->report, reading->file, item->line,
				   "a range of valid_time must be a table, found %s; example: "
				   "{ days = \"mon-fri\", from = \"08:00\", to = \"20:00\" }",
				   tree_describe(item, found));
}

/** A list is that of the ranges; a map has them beside the zone and the days left out. */
static void read_all(const struct reading *reading, const struct tree *tree, const char *site_zone)
{
	bool is_map = tree_is_map(tree) && tree->child_count > 0;
	const struct tree *ranges = is_map ? tree_get(tree, "ranges") : tree;
	const struct tree *except = is_map ? tree_get(tree, "except") : NULL;

	if (is_map &&
	    options_check(tree, valid_time_rows, reading->file, "valid_time", reading->report) > 0)
		return;
	read_zone(reading, is_map ? tree_get(tree, "zone") : NULL, site_zone);
	if ((ranges == NULL || ranges->child_count == 0) &&
	    (except == NULL || except->child_count == 0))
		report_add(reading->report, reading->file, tree->line,
			   "\"valid_time\" has no ranges and no days in \"except\": it would say "
			   "nothing; example: valid_time = { { days = \"mon-fri\", from = "
			   "\"08:00\", to = \"20:00\" } }");
	if (ranges != NULL)
		read_ranges(reading, ranges);
	if (except != NULL)
		read_except(reading, except);
}

struct valid_time *valid_time_new(const struct tree *tree, const char *site_zone, const char *file,
				  struct report *report)
{
	struct valid_time *valid = mem_alloc(sizeof(*valid));
	struct reading reading = {valid, file, report};
	size_t faults_before = report->count + report->dropped_count;
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (tree->type != TREE_MAP && tree->type != TREE_LIST)
		report_add(
			report, file, tree->line,
			"\"valid_time\" must be a table of ranges, found %s; example: valid_time "
			"= { { days = \"mon-fri\", from = \"08:00\", to = \"20:00\" } }",
			tree_describe(tree, found));
	else
		read_all(&reading, tree, site_zone);
	if (report->count + report->dropped_count == faults_before)
		return valid;
	valid_time_free(valid);
	return NULL;
}

void valid_time_free(struct valid_time *valid)
{
	if (valid == NULL)
		return;
	zone_free(valid->zone);
	mem_free(valid->except);
	mem_free(valid);
}

static bool is_excepted(const struct valid_time *valid, int64_t day)
{
	for (uint32_t i = 0; i < valid->except_count; i++)
		if (valid->except[i] == day)
			return true;
	return false;
}

static bool range_has_day(const struct valid_time *valid, const struct range *range, int64_t day)
{
	return (range->days >> local_day_weekday(day) & 1) != 0 && !is_excepted(valid, day);
}

static bool range_holds(const struct valid_time *valid, const struct range *range, int64_t day,
			int64_t clock_ms)
{
	if (range->from_ms < range->until_ms)
		return clock_ms >= range->from_ms && clock_ms < range->until_ms &&
		       range_has_day(valid, range, day);
	return (clock_ms >= range->from_ms && range_has_day(valid, range, day)) ||
	       (clock_ms < range->until_ms && range_has_day(valid, range, day - 1));
}

bool valid_time_holds(const struct valid_time *valid, int64_t utc_ms)
{
	int64_t day = local_day_of(valid->zone, utc_ms);
	int64_t clock_ms = local_clock_ms(valid->zone, utc_ms);

	if (valid->range_count == 0)
		return !is_excepted(valid, day);
	for (uint32_t i = 0; i < valid->range_count; i++)
		if (range_holds(valid, &valid->ranges[i], day, clock_ms))
			return true;
	return false;
}

bool valid_time_judges(const struct valid_time *valid, int64_t end_ms)
{
	return valid_time_holds(valid, end_ms - 1);
}
