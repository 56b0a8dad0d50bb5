#include "core/config/config_incidents.h"

#include <string.h>

#include "core/base/report.h"
#include "core/config/config_internal.h"

#define MINUTE_MS 60000.0
#define DAY_MS    86400000.0

static const char *const resolve_choices[] = {"all", "first", "last", "never", NULL};

static const struct option sibling_rows[] = {
	{.name = "count",
	 .type = OPTION_INT,
	 .is_required = true,
	 .min = 2,
	 .max = 100,
	 .example = "3",
	 .help = "so many categories below one parent"},
	{.name = "within",
	 .type = OPTION_SPAN,
	 .min = 1000,
	 .max = DAY_MS,
	 .example = "\"10m\"",
	 .help = "that fall in this time"},
	{.name = NULL},
};

const struct option config_incident_rows[] = {
	{.name = "group_by",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"category\" }",
	 .help = "what the alerts of one incident have in common, for rules that do not say it: "
		 "fields of the dimension, \"rule\", \"category\"; default: rule and dimension"},
	{.name = "reopen_window",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 7 * DAY_MS,
	 .example = "\"10m\"",
	 .help = "what fires again so soon after the end opens the same incident again"},
	{.name = "resolve",
	 .type = OPTION_CHOICE,
	 .choices = resolve_choices,
	 .example = "\"all\"",
	 .help = "which of its alerts must have resolved; never: a person resolves it"},
	{.name = "close_after",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 365 * DAY_MS,
	 .example = "\"7d\"",
	 .help = "resolved for so long is closed; \"0s\": only by a person"},
	{.name = "ack_timeout",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 7 * DAY_MS,
	 .example = "\"30m\"",
	 .help = "acknowledged for so long without being handled is open again; default: never"},
	{.name = "approve",
	 .type = OPTION_ANY,
	 .example = "{ \"new_rule\" }",
	 .help = "rules whose incidents a person approves first; true: all",
	 .lua_type = "boolean|string[]"},
	{.name = "approve_within",
	 .type = OPTION_SPAN,
	 .min = MINUTE_MS,
	 .max = 7 * DAY_MS,
	 .example = "\"1h\"",
	 .help = "a candidate that nobody has approved by then is cancelled"},
	{.name = "siblings",
	 .type = OPTION_TABLE,
	 .example = "{ count = 3, within = \"10m\" }",
	 .help = "categories below one parent that fall together are one incident",
	 .rows = sibling_rows},
	{.name = "priority",
	 .type = OPTION_LIST,
	 .example = "{ { 1, 1, 2, 3 }, { 1, 2, 3, 4 }, { 2, 3, 4, 5 }, { 3, 4, 5, 5 } }",
	 .help = "P1 to P5: a row for each impact, in it one for each urgency"},
	{.name = "merchants",
	 .type = OPTION_LIST,
	 .example = "{ 50, 10, 3 }",
	 .help = "so many merchants hit are impact 1, 2 and 3; fewer are 4"},
	{.name = "cool_down",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 7 * DAY_MS,
	 .example = "\"30m\"",
	 .help = "what fires asks for less for so long: the priority falls; \"0s\": never"},
	{.name = "tell",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"team\" }",
	 .help = "outputs that are told what becomes of incidents"},
	{.name = "tell_limit",
	 .type = OPTION_LIST,
	 .example = "{ 5, \"10m\" }",
	 .help = "an output of people gets so many messages of one incident in so long; the rest "
		 "is one message"},
	{.name = NULL},
};

static bool is_whole(const struct tree *item, double min, double max)
{
	return item->type == TREE_NUMBER && item->number >= min && item->number <= max &&
	       item->number == (double)(int64_t)item->number;
}

static bool read_priority_row(const struct tree *list, uint8_t *out)
{
	uint32_t count = 0;

	if (list->type != TREE_LIST || list->child_count != CONFIG_INCIDENT_LEVELS)
		return false;
	for (const struct tree *item = list->first; item != NULL; item = item->next) {
		if (!is_whole(item, 1, 5))
			return false;
		out[count++] = (uint8_t)item->number;
	}
	return true;
}

/** Wider or more urgent must not be a lower priority. */
static bool rises(const struct config_incidents *incidents)
{
	for (int i = 0; i < CONFIG_INCIDENT_LEVELS; i++) {
		for (int k = 0; k < CONFIG_INCIDENT_LEVELS; k++) {
			uint8_t here = incidents->priorities[i][k];

			if ((i > 0 && incidents->priorities[i - 1][k] > here) ||
			    (k > 0 && incidents->priorities[i][k - 1] > here))
				return false;
		}
	}
	return true;
}

static void read_priority(struct config_builder *builder, const struct tree *table,
			  struct config_incidents *out)
{
	bool is_good = table->child_count == CONFIG_INCIDENT_LEVELS;
	uint32_t count = 0;

	for (const struct tree *row = table->first; row != NULL && is_good; row = row->next)
		is_good = read_priority_row(row, out->priorities[count++]);
	if (!is_good)
		report_add(builder->report, builder->file, table->line,
			   "\"priority\" of incidents must be 4 lists of 4 whole numbers from 1 to "
			   "5, one list for each impact; example: priority = { { 1, 1, 2, 3 }, "
			   "{ 1, 2, 3, 4 }, { 2, 3, 4, 5 }, { 3, 4, 5, 5 } }");
	else if (!rises(out))
		report_add(builder->report, builder->file, table->line,
			   "\"priority\" of incidents must not fall where impact or urgency rises: "
			   "no number may be greater than the one below it or to its right");
}

static void read_merchants(struct config_builder *builder, const struct tree *list,
			   struct config_incidents *out)
{
	bool is_good = list->child_count == CONFIG_INCIDENT_LEVELS - 1;
	double before = 1e6;
	uint32_t count = 0;

	for (const struct tree *item = list->first; item != NULL && is_good; item = item->next) {
		is_good = is_whole(item, 2, 1e6) && item->number <= before;
		before = item->number;
		if (is_good)
			out->merchants_for[count++] = (uint32_t)item->number;
	}
	if (!is_good)
		report_add(builder->report, builder->file, list->line,
			   "\"merchants\" of incidents must be 3 whole numbers from 2 on, the "
			   "greatest first; example: merchants = { 50, 10, 3 }");
}

static void read_approve(struct config_builder *builder, const struct tree *tree,
			 struct config_incidents *out)
{
	bool is_good = tree->type == TREE_BOOL || tree_is_list(tree);

	for (const struct tree *item = tree->first; item != NULL && is_good; item = item->next)
		is_good = item->type == TREE_STRING;
	if (!is_good) {
		report_add(builder->report, builder->file, tree->line,
			   "\"approve\" of incidents must be true or a list of rules; example: "
			   "approve = { \"new_rule\" }");
		return;
	}
	out->approves_all = tree->type == TREE_BOOL && tree->boolean;
	if (tree->type != TREE_BOOL)
		out->approves = config_copy_texts(builder->config, tree, &out->approve_count);
}

static void read_group_by(struct config_builder *builder, const struct tree *list,
			  struct config_incidents *out)
{
	if (list->child_count == 0 || list->child_count > CONFIG_INCIDENT_FIELDS_MAX) {
		report_add(builder->report, builder->file, list->line,
			   "\"group_by\" of incidents must have 1 to %d names; without it rule and "
			   "dimension are meant",
			   CONFIG_INCIDENT_FIELDS_MAX);
		return;
	}
	out->group_by = config_copy_texts(builder->config, list, &out->group_by_count);
}

static void set_defaults(struct config_incidents *out)
{
	static const uint8_t priorities[CONFIG_INCIDENT_LEVELS][CONFIG_INCIDENT_LEVELS] = {
		{1, 1, 2, 3}, {1, 2, 3, 4}, {2, 3, 4, 5}, {3, 4, 5, 5}};
	static const uint32_t merchants_for[] = {50, 10, 3};

	memcpy(out->priorities, priorities, sizeof(priorities));
	memcpy(out->merchants_for, merchants_for, sizeof(merchants_for));
}

static void read_siblings(struct config_builder *builder, const struct tree *tree,
			  struct config_incidents *out)
{
	out->sibling_window_ms = 10 * 60 * 1000;
	if (tree == NULL || options_check(tree, sibling_rows, builder->file,
					  "siblings of incidents", builder->report) > 0)
		return;
	out->sibling_count = (uint32_t)option_int(tree, "count", 0);
	out->sibling_window_ms = option_span_ms(tree, "within", out->sibling_window_ms);
}

static void read_lists(struct config_builder *builder, const struct tree *tree,
		       struct config_incidents *out)
{
	if (tree_get(tree, "priority") != NULL)
		read_priority(builder, tree_get(tree, "priority"), out);
	if (tree_get(tree, "merchants") != NULL)
		read_merchants(builder, tree_get(tree, "merchants"), out);
	if (tree_get(tree, "approve") != NULL)
		read_approve(builder, tree_get(tree, "approve"), out);
	if (tree_get(tree, "group_by") != NULL)
		read_group_by(builder, tree_get(tree, "group_by"), out);
}

void config_read_incidents(struct config_builder *builder, const struct tree *tree)
{
	struct config_incidents *out =
		arena_zalloc(&builder->config->arena, sizeof(struct config_incidents));
	const char *resolve;

	builder->config->incidents = out;
	set_defaults(out);
	if (tree != NULL && options_check(tree, config_incident_rows, builder->file, "incidents",
					  builder->report) > 0)
		tree = NULL;
	out->reopen_window_ms = option_span_ms(tree, "reopen_window", 10 * 60 * 1000);
	out->ack_timeout_ms = option_span_ms(tree, "ack_timeout", 0);
	out->approve_within_ms = option_span_ms(tree, "approve_within", 3600 * 1000);
	out->close_after_ms = option_span_ms(tree, "close_after", INT64_C(7) * 86400000);
	out->cool_down_ms = option_span_ms(tree, "cool_down", 30 * 60 * 1000);
	resolve = option_text(tree, "resolve", "all");
	while (strcmp(resolve_choices[out->resolve], resolve) != 0)
		out->resolve++;
	read_siblings(builder, tree_get(tree, "siblings"), out);
	config_read_tell(builder, tree, out);
	if (tree == NULL)
		return;
	read_lists(builder, tree, out);
	if (out->close_after_ms > 0 && out->close_after_ms < out->reopen_window_ms)
		report_add(builder->report, builder->file, tree->line,
			   "\"close_after\" of incidents must not be shorter than "
			   "\"reopen_window\": what is closed is never opened again");
}
