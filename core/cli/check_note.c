#include "core/cli/check_note.h"

#include "core/base/bytes.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/model/span.h"
#include "core/rule/impact.h"
#include "core/rule/rule.h"
#include "core/rule/rule_metric.h"
#include "lua/host/generation.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum {
	SPAN_BYTES_MAX = 24,
	PANE_OVERHEAD_BYTES = 16,
	TOTAL_PANES = 32,
	CLOSED_LISTS = 2,
	TOTAL_LISTS = 5, /* in front, behind, the newest, two of the rest */
};

/* Below this a rule's keys are no news on any machine. */
static const double noted_bytes = 1024.0 * 1024 * 1024;

static const char *source_of(const struct generation *generation, const struct rule *rule)
{
	for (uint32_t i = 0; i < generation->file_count; i++)
		if (strcmp(generation->files[i].path, rule->file) == 0)
			return generation->files[i].source;
	return NULL;
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

int check_note_line(const char *source, const char *key)
{
	size_t length = strlen(key);
	int line = 1;

	for (const char *at = source; at != NULL && *at != '\0'; at++) {
		const char *after = at + length;

		line += *at == '\n';
		if (strncmp(at, key, length) != 0 || (at > source && is_name_byte(at[-1])))
			continue;
		after += strspn(after, " \t");
		if (after[0] == '=' && after[1] != '=')
			return line;
	}
	return 1;
}

struct noting {
	const struct generation *generation;
	const struct rule *rule;
	const char *source;
	struct report *out;
};

static void note_filter(const struct noting *noting)
{
	const struct rule *rule = noting->rule;
	int line = check_note_line(noting->source, "filter");

	if (rule->has_filter_function)
		report_add(noting->out, rule->file, line,
			   "\"filter\" is a function: it is called for every reading of source %s, "
			   "where an expression costs a small part of that; the %u fields of "
			   "\"reads\" are kept for it",
			   rule->source, rule->read_count);
	else if (strstr(rule->filter, ":match(") != NULL)
		report_add(noting->out, rule->file, line,
			   "\"filter\" has a regex: it is tried on each reading that the "
			   "comparisons before it let through; contains, starts and in_ cost less "
			   "where they do");
}

/** "1.5 GiB" */
static void format_bytes(double bytes, char *out, size_t out_bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, out_bytes, "%.3g %s", bytes, units[unit]);
}

/** Panes that a key has when it has readings all the time. Of calendar days only the last hour is
 *  kept in minutes, and what `retention.fine` names in hours. */
static double count_panes(const struct noting *noting)
{
	const struct rule *rule = noting->rule;
	double fine_days =
		(double)noting->generation->config->retention_fine_ms / (24.0 * 3600 * 1000);

	if (rule->window_days > 0)
		return 60 + 24 * (1 + fine_days) + rule->window_days;
	return (double)rule->window_ms / (double)(rule->pane_ms > 0 ? rule->pane_ms : 1);
}

static uint32_t keys_of(const struct noting *noting)
{
	const struct rule *rule = noting->rule;
	const struct config *config = noting->generation->config;
	bool is_site = rule->keys_max == 0 ||
		       (rule->key_filter != NULL && rule->keys_max < config->keys_max);

	if (rule->by_count == 0)
		return 1;
	return is_site ? config->keys_max : rule->keys_max;
}

/** Panes of a key that are not judged for good yet, when no partition of the source is behind. */
static double count_open_panes(const struct noting *noting)
{
	const struct rule *rule = noting->rule;
	const struct config_source *source =
		config_find_source(noting->generation->config, rule->source);
	int64_t open_ms = rule->every_ms + rule_late_reach_ms(rule) +
			  (source != NULL ? source->lateness_ms : 0);
	int64_t pane_ms = rule->pane_ms > 0 ? rule->pane_ms : 1;
	int64_t panes = (open_ms + pane_ms - 1) / pane_ms + 1;

	return (double)panes;
}

/** Totals of a key in a long window; they share their lines. */
static double count_totals(const struct noting *noting)
{
	double panes = count_panes(noting);

	return noting->rule->window_days == 0 && panes > 2 * TOTAL_PANES
		       ? TOTAL_PANES + 3 + panes / TOTAL_PANES
		       : 0;
}

/** Lists of lines that a key has: one in each open pane, two of all that are closed
 *  (core/window/window_lines.c); the same of hours and of days, and the total; or what the totals
 *  of a long window have (core/window/window_stack.h). */
static double count_lists(const struct noting *noting)
{
	double lists = count_open_panes(noting) + CLOSED_LISTS;

	if (noting->rule->window_days > 0)
		return lists + 2 * CLOSED_LISTS + 1;
	return count_totals(noting) > 0 ? lists + TOTAL_LISTS : lists;
}

/** Whatever it is: it is what the lines of clients can make of the rule. */
static void note_samples(const struct noting *noting)
{
	const struct rule *rule = noting->rule;
	double line_count = count_lists(noting) * rule->sample_count;
	double key_bytes = line_count * (CELL_LINE_OVERHEAD + CELL_LINE_BYTES_MAX) +
			   count_totals(noting) * (rule->sample_count + 1) * sizeof(void *);
	char one[32], all[32];

	if (rule->sample_count == 0)
		return;
	format_bytes(key_bytes, one, sizeof(one));
	format_bytes(key_bytes * keys_of(noting), all, sizeof(all));
	report_add(noting->out, rule->file, check_note_line(noting->source, "samples"),
		   "\"samples\" keeps up to %.0f lines of %d bytes for a key, and has a metric of "
		   "its own: up to %s a key, and up to %s with %u key%s",
		   line_count, CELL_LINE_BYTES_MAX, one, all, keys_of(noting),
		   keys_of(noting) == 1 ? "" : "s (keys_max)");
}

/** An upper bound, but for sketches, which grow with what they see. */
static void note_memory(const struct noting *noting)
{
	const struct rule *rule = noting->rule;
	const struct config *config = noting->generation->config;
	uint32_t keys = keys_of(noting);
	struct metric *metric = NULL;
	char one[32], all[32];
	double key_bytes;

	if (rule->by_count == 0 || rule_metric_make(rule, config, &metric, NULL) != 0)
		return;
	key_bytes = count_panes(noting) * (PANE_OVERHEAD_BYTES + metric->cells.bytes);
	if (key_bytes * keys >= noted_bytes) {
		format_bytes(key_bytes, one, sizeof(one));
		format_bytes(key_bytes * keys, all, sizeof(all));
		report_add(noting->out, rule->file, check_note_line(noting->source, "window"),
			   "\"window\" has %.0f panes for each key: up to %s a key that has "
			   "readings in all of them%s, and up to %s with the limit of %u keys "
			   "(keys_max)",
			   count_panes(noting), one,
			   metric->cells.has_heap ? " and what sketches and lines take besides"
						  : "",
			   all, keys);
	}
	metric_unref(metric);
}

static void note_functions(const struct noting *noting)
{
	const struct rule *rule = noting->rule;
	char every[SPAN_BYTES_MAX];

	span_format(rule->every_ms, every, sizeof(every));
	if (rule->has_on_reading)
		report_add(noting->out, rule->file, check_note_line(noting->source, "on_reading"),
			   "\"on_reading\" is called for each matching reading");
	if (rule->has_on_window && rule->by_count > 0)
		report_add(noting->out, rule->file, check_note_line(noting->source, "on_window"),
			   "\"on_window\" is called for each key, every %s", every);
}

/** Rules are in the order of names and versions: is the next one another name? */
static bool is_newest(const struct generation *generation, uint32_t index)
{
	return index + 1 == generation->rule_count ||
	       strcmp(generation->rules[index]->name, generation->rules[index + 1]->name) != 0;
}

void check_note_costs(const struct generation *generation, struct report *out)
{
	for (uint32_t i = 0; i < generation->rule_count; i++) {
		struct rule *rule = generation->rules[i];
		struct noting noting = {generation, rule, source_of(generation, rule), out};

		if (!is_newest(generation, i))
			continue;
		note_filter(&noting);
		note_memory(&noting);
		note_samples(&noting);
		note_functions(&noting);
	}
}

static void note_impact(const struct impact_scene *scene, const struct rule *from,
			const struct rule *to, struct report *out)
{
	struct bytes text = BYTES_EMPTY;
	struct impact impact;

	impact_compute(from, to, scene, IMPACT_FIRING_UNKNOWN, &impact);
	impact_append_text(&impact, &text);
	report_add(out, to->file, 1, "taking over from version %u: %s", from->version, text.data);
	bytes_deinit(&text);
}

void check_note_impacts(const struct generation *site, const struct generation *checked,
			struct report *out)
{
	struct impact_scene scene;

	impact_scene_open(&scene, site->config, site->rules, site->rule_count);
	for (uint32_t i = 1; i < site->rule_count; i++) {
		const struct rule *from = site->rules[i - 1], *to = site->rules[i];

		if (is_newest(site, i) && strcmp(from->name, to->name) == 0 &&
		    source_of(checked, to) != NULL)
			note_impact(&scene, from, to, out);
	}
	impact_scene_close(&scene);
}
