#include "core/config/config_internal.h"

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/model/local_day.h"
#include "core/model/span.h"
#include "core/model/timestamp.h"
#include "core/model/zone.h"
#include "core/oncall/schedule.h"

#include <stdio.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000, YEAR_DAYS = 366 };

static const struct option layer_rows[] = {
	{.name = "people",
	 .type = OPTION_TEXT_LIST,
	 .is_required = true,
	 .example = "{ \"wang\", \"li\" }",
	 .help = "who takes turns, in this order"},
	{.name = "starts",
	 .type = OPTION_TEXT,
	 .example = "\"2026-01-05T09:00\"",
	 .help = "first handover on the wall clock of the schedule's zone"},
	{.name = "every",
	 .type = OPTION_SPAN,
	 .min = HOUR_MS,
	 .max = YEAR_DAYS * (double)LOCAL_DAY_MS,
	 .example = "\"7d\"",
	 .help = "length of a turn on the wall clock; default 7d"},
	{.name = "days",
	 .type = OPTION_TEXT,
	 .example = "\"mon-fri\"",
	 .help = "days of the week; default: every day"},
	{.name = "from",
	 .type = OPTION_TEXT,
	 .example = "\"09:00\"",
	 .help = "clock time from which it holds"},
	{.name = "to",
	 .type = OPTION_TEXT,
	 .example = "\"18:00\"",
	 .help = "clock time until which it holds; 24:00 is midnight"},
	{.name = "except",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"2026-10-01\" }",
	 .help = "days on which the layer has nobody"},
	{.name = "only",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"2026-10-01\" }",
	 .help = "days to which the layer is limited"},
	{.name = NULL},
};

static const struct option override_rows[] = {
	{.name = "person",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"li\"",
	 .help = "who is on call instead"},
	{.name = "from",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"2026-02-01T00:00+08:00\"",
	 .help = "instant from which it holds"},
	{.name = "to",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"2026-02-02T00:00+08:00\"",
	 .help = "instant until which it holds"},
	{.name = NULL},
};

const struct option config_schedule_rows[] = {
	{.name = "zone",
	 .type = OPTION_TEXT,
	 .example = "\"Asia/Shanghai\"",
	 .help = "zone of the wall clock; default: the site's"},
	{.name = "layers",
	 .type = OPTION_LIST,
	 .is_required = true,
	 .example = "{ { people = { \"wang\", \"li\" }, starts = \"2026-01-05T09:00\" } }",
	 .help = "rotations; a later one wins",
	 .rows = layer_rows},
	{.name = "overrides",
	 .type = OPTION_LIST,
	 .example = "{ { person = \"li\", from = \"2026-02-01T00:00Z\", to = "
		    "\"2026-02-02T00:00Z\" } }",
	 .help = "who is on call instead; a later one wins",
	 .rows = override_rows},
	{.name = NULL},
};

struct reading {
	struct config_builder *builder;
	struct oncall_schedule *schedule;
	const char *what; /* "schedule payments" */
};

#define FAULT(reading, node, ...)                                                                  \
	report_add((reading)->builder->report, (reading)->builder->file, (node)->line, __VA_ARGS__)

static const struct oncall_person *find_person(const struct reading *reading,
					       const struct tree *node)
{
	const struct oncall_person *person =
		config_find_person(reading->builder->config, node->text);

	if (person == NULL)
		FAULT(reading, node, "%s names \"%.64s\", who is not among the people of the site",
		      reading->what, node->text);
	return person;
}

/** "2026-01-05T09:00" or, with `offset`, "2026-01-05T09:00+08:00": seconds are left out. */
static bool parse_minute(const char *text, bool has_offset, int64_t *out_ms)
{
	char full[64];
	size_t length = strlen(text);

	if (length < 16 || length > 22 || text[10] != 'T' || (length > 16) != has_offset ||
	    (has_offset && strchr("Z+-", text[16]) == NULL))
		return false;
	snprintf(full, sizeof(full), "%.16s:00%s", text, has_offset ? text + 16 : "Z");
	return timestamp_parse(slice_of(full), out_ms) == 0;
}

static void read_people(const struct reading *reading, const struct tree *people,
			struct oncall_layer *layer)
{
	if (people->child_count == 0)
		FAULT(reading, people, "a layer of %s must have somebody in \"people\"",
		      reading->what);
	layer->people = arena_zalloc(&reading->builder->config->arena,
				     (people->child_count + 1) * sizeof(struct oncall_person *));
	for (const struct tree *item = people->first; item != NULL; item = item->next)
		layer->people[layer->person_count++] = find_person(reading, item);
}

static void read_turns(const struct reading *reading, const struct tree *tree,
		       struct oncall_layer *layer)
{
	const struct tree *starts = tree_get(tree, "starts"), *every = tree_get(tree, "every");

	layer->every_ms = option_span_ms(tree, "every", 7 * LOCAL_DAY_MS);
	if (layer->every_ms % HOUR_MS != 0)
		FAULT(reading, every,
		      "\"every\" of a layer of %s must be whole hours or days, found \"%.40s\"; "
		      "example: every = \"12h\"",
		      reading->what, every->text);
	if (starts == NULL && layer->person_count > 1)
		FAULT(reading, tree,
		      "a layer of %s has %u people but no \"starts\": nobody could say whose "
		      "turn it is; example: starts = \"2026-01-05T09:00\"",
		      reading->what, layer->person_count);
	if (starts != NULL && !parse_minute(starts->text, false, &layer->starts_ms))
		FAULT(reading, starts,
		      "\"starts\" of a layer of %s must be a time of the wall clock, found "
		      "\"%.40s\"; example: starts = \"2026-01-05T09:00\"",
		      reading->what, starts->text);
}

static void read_layer(const struct reading *reading, const struct tree *tree)
{
	struct oncall_layer *layer = &reading->schedule->layers[reading->schedule->layer_count++];
	char what[32 + CONFIG_NAME_BYTES_MAX];

	*layer = (struct oncall_layer){0};
	if (options_check(tree, layer_rows, reading->builder->file, "a layer",
			  reading->builder->report) > 0)
		return;
	read_people(reading, tree_get(tree, "people"), layer);
	read_turns(reading, tree, layer);
	snprintf(what, sizeof(what), "a layer of %s", reading->what);
	config_read_hours(reading->builder, tree, what, &layer->hours);
}

static void read_override(const struct reading *reading, const struct tree *tree)
{
	struct oncall_schedule *schedule = reading->schedule;
	struct oncall_override *override = &schedule->overrides[schedule->override_count++];
	const struct tree *from, *to;

	if (options_check(tree, override_rows, reading->builder->file, "an override",
			  reading->builder->report) > 0)
		return;
	from = tree_get(tree, "from");
	to = tree_get(tree, "to");
	override->person = find_person(reading, tree_get(tree, "person"));
	if (!parse_minute(from->text, true, &override->from_ms) ||
	    !parse_minute(to->text, true, &override->to_ms) || override->from_ms >= override->to_ms)
		FAULT(reading, from,
		      "an override of %s must go from an instant to a later one, found \"%.40s\" "
		      "to \"%.40s\"; example: from = \"2026-02-01T00:00+08:00\"",
		      reading->what, from->text, to->text);
}

static void read_list(const struct reading *reading, const struct tree *list, unsigned max,
		      void (*read_one)(const struct reading *reading, const struct tree *tree))
{
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (list->child_count > max) {
		FAULT(reading, list, "%s has %u %s; at most %u are allowed", reading->what,
		      list->child_count, list->key, max);
		return;
	}
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		if (tree_is_map(item))
			read_one(reading, item);
		else
			FAULT(reading, item, "\"%s\" of %s must have tables, found %s", list->key,
			      reading->what, tree_describe(item, found));
}

static void read_schedule(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	struct oncall_schedule *schedule = &config->schedules[config->schedule_count];
	const struct tree *layers = tree_get(tree, "layers");
	const struct tree *overrides = tree_get(tree, "overrides");
	char what[16 + CONFIG_NAME_BYTES_MAX];
	struct reading reading = {builder, schedule, what};
	struct err_note why = {""};

	snprintf(what, sizeof(what), "schedule %.64s", tree->key);
	if (options_check(tree, config_schedule_rows, builder->file, what, builder->report) > 0)
		return;
	schedule->name = config_copy_text(config, tree->key);
	schedule->zone_name = config_copy_text(config, option_text(tree, "zone", config->timezone));
	if (zone_open(&schedule->zone, schedule->zone_name, &why) != 0) {
		FAULT(&reading, tree, "\"zone\" of %s: %s", what, why.text);
		return;
	}
	config->schedule_count++;
	if (layers->child_count == 0)
		FAULT(&reading, layers, "%s has no layers: nobody would ever be on call", what);
	schedule->layers =
		arena_zalloc(&config->arena, (layers->child_count + 1) * sizeof(*schedule->layers));
	read_list(&reading, layers, ONCALL_LAYERS_MAX, read_layer);
	if (overrides == NULL)
		return;
	schedule->overrides = arena_zalloc(&config->arena, (overrides->child_count + 1) *
								   sizeof(*schedule->overrides));
	read_list(&reading, overrides, ONCALL_OVERRIDES_MAX, read_override);
}

void config_read_schedules(struct config_builder *builder, const struct tree *schedules)
{
	static const char example[] = "payments = { layers = { { people = { \"wang\" } } } }";
	struct config *config = builder->config;

	if (schedules == NULL)
		return;
	config->schedules = arena_zalloc(&config->arena,
					 (schedules->child_count + 1) * sizeof(*config->schedules));
	config_each_named(builder, schedules, CONFIG_SCHEDULES_MAX, example, read_schedule);
}

const struct oncall_schedule *config_find_schedule(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->schedule_count; i++)
		if (strcmp(config->schedules[i].name, name) == 0)
			return &config->schedules[i];
	return NULL;
}
