#include "core/config/config_internal.h"

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/model/local_day.h"
#include "core/model/zone.h"
#include "core/oncall/schedule.h"

enum { EVERY_DAY = 0x7F };

/** Where the hours stand. */
struct reading {
	struct config_builder *builder;
	const char *what;
};

#define FAULT(reading, node, ...)                                                                  \
	report_add((reading)->builder->report, (reading)->builder->file, (node)->line, __VA_ARGS__)

static void read_clock(const struct reading *reading, const struct tree *tree, const char *name,
		       int64_t *out_ms)
{
	const struct tree *node = tree_get(tree, name);

	if (node != NULL && !local_clock_parse(node->text, out_ms))
		FAULT(reading, node,
		      "\"%s\" of %s must be a clock time from 00:00 to 24:00, found \"%.40s\"; "
		      "example: %s = \"09:00\"",
		      name, reading->what, node->text, name);
}

static int64_t *read_dates(const struct reading *reading, const struct tree *tree, const char *name,
			   uint32_t *count)
{
	const struct tree *list = tree_get(tree, name);
	int64_t *dates;

	if (list == NULL)
		return NULL;
	if (list->child_count == 0 || list->child_count > ONCALL_DATES_MAX) {
		FAULT(reading, list, "\"%s\" of %s must have 1 to %d days, found %u", name,
		      reading->what, ONCALL_DATES_MAX, list->child_count);
		return NULL;
	}
	dates = arena_zalloc(&reading->builder->config->arena, list->child_count * sizeof(*dates));
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		if (!local_day_parse(item->text, &dates[(*count)++]))
			FAULT(reading, item,
			      "\"%s\" of %s must have days such as \"2026-10-01\", found "
			      "\"%.40s\"",
			      name, reading->what, item->text);
	return dates;
}

void config_read_hours(struct config_builder *builder, const struct tree *tree, const char *what,
		       struct oncall_hours *out)
{
	struct reading reading = {builder, what};
	const struct tree *days = tree_get(tree, "days");

	*out = (struct oncall_hours){.days = EVERY_DAY, .to_ms = LOCAL_DAY_MS};
	if (days != NULL && !local_weekdays_parse(days->text, &out->days))
		FAULT(&reading, days,
		      "\"days\" of %s must have mon, tue, wed, thu, fri, sat, sun, found "
		      "\"%.64s\"; "
		      "example: days = \"mon-fri\"",
		      what, days->text);
	read_clock(&reading, tree, "from", &out->from_ms);
	read_clock(&reading, tree, "to", &out->to_ms);
	if (out->from_ms == LOCAL_DAY_MS || out->from_ms == out->to_ms)
		FAULT(&reading, tree,
		      "the hours of %s are none; over midnight is from = \"22:00\", to = \"08:00\"",
		      what);
	out->except = read_dates(&reading, tree, "except", &out->except_count);
	out->only = read_dates(&reading, tree, "only", &out->only_count);
}

const char *config_read_zone(struct config_builder *builder, const struct tree *tree,
			     const char *what)
{
	const char *name = option_text(tree, "zone", builder->config->timezone);
	const struct tree *node = tree_get(tree, "zone");
	struct zone *zone = NULL;
	struct err_note why = {""};

	if (zone_open(&zone, name, &why) != 0)
		report_add(builder->report, builder->file, node != NULL ? node->line : tree->line,
			   "\"zone\" of %s: %s", what, why.text);
	zone_free(zone);
	return config_copy_text(builder->config, name);
}
