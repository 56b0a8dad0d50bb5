#include "core/rule/impact.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/rule/rule_history.h"
#include "core/rule/rule_metric.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SPAN_BYTES_MAX = 24 };

static const char *const fate_names[] = {
#define IMPACT_FATE_NAME(name, text) [IMPACT_##name] = (text),
	IMPACT_FATE_LIST(IMPACT_FATE_NAME)
#undef IMPACT_FATE_NAME
};

const char *impact_fate_name(enum impact_fate fate)
{
	return fate_names[fate];
}

__attribute__((format(printf, 3, 4))) static void
say(struct impact_part *part, enum impact_fate fate, const char *format, ...)
{
	va_list args;

	part->fate = fate;
	va_start(args, format);
	vsnprintf(part->text, sizeof(part->text), format, args);
	va_end(args);
}

static bool is_same_list(char *const *a, uint32_t a_count, char *const *b, uint32_t b_count)
{
	if (a_count != b_count)
		return false;
	for (uint32_t i = 0; i < a_count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

/** What a reader of both files would point at. */
static const char *find_difference(const struct metric *a, const struct metric *b)
{
	if (strcmp(a->source, b->source) != 0)
		return "the source is another one";
	if (a->has_filter_function || b->has_filter_function)
		return "a filter function belongs to its file: what it let through is not known "
		       "to be the same";
	if (strcmp(a->filter, b->filter) != 0)
		return "the filter lets other readings through";
	if (!is_same_list(a->by, a->by_count, b->by, b->by_count))
		return "the fields of the key are others";
	if (a->pane_ms != b->pane_ms)
		return "the window is cut into panes of another length";
	if (a->cells.lines_max != b->cells.lines_max)
		return "another number of lines is kept (samples)";
	if (!is_same_list(a->values, a->value_count, b->values, b->value_count))
		return "other fields are computed";
	return "something else is measured of the field";
}

static bool is_same_metric(const struct metric *a, const struct metric *b)
{
	return a != NULL && b != NULL && memcmp(&a->id, &b->id, METRIC_ID_BYTES) == 0;
}

void impact_scene_open(struct impact_scene *scene, const struct config *config,
		       struct rule *const *others, uint32_t other_count)
{
	*scene = (struct impact_scene){
		.config = config,
		.others = others,
		.other_count = other_count,
		.metrics = mem_alloc_array(other_count + 1, sizeof(struct metric *)),
	};
	for (uint32_t i = 0; i < other_count; i++)
		if (rule_metric_make(others[i], config, &scene->metrics[i], NULL) != 0)
			scene->metrics[i] = NULL;
}

void impact_scene_close(struct impact_scene *scene)
{
	for (uint32_t i = 0; i < scene->other_count; i++)
		metric_unref(scene->metrics[i]);
	mem_free(scene->metrics);
	*scene = (struct impact_scene){0};
}

/** Another rule that counts the same and has counted all along. */
static const struct rule *find_sharing(const struct metric *metric, const char *name,
				       const struct impact_scene *scene)
{
	for (uint32_t i = 0; i < scene->other_count; i++)
		if (is_same_metric(metric, scene->metrics[i]) &&
		    strcmp(scene->others[i]->name, name) != 0)
			return scene->others[i];
	return NULL;
}

/** The panes are there; are they there for the whole of the new window? */
static void say_kept(struct impact_part *part, int64_t had_ms, int64_t wants_ms)
{
	char had[SPAN_BYTES_MAX], missing[SPAN_BYTES_MAX];

	if (wants_ms <= had_ms) {
		say(part, IMPACT_KEPT, "both count the same readings in the same way");
		return;
	}
	span_format(had_ms, had, sizeof(had));
	span_format(wants_ms - had_ms, missing, sizeof(missing));
	say(part, IMPACT_KEPT,
	    "both count the same readings in the same way; those of the last %s "
	    "are there, and the longer window is full after another %s",
	    had, missing);
}

static void say_lost(struct impact_part *part, const char *why, const struct rule *to)
{
	char window[SPAN_BYTES_MAX];

	span_format(to->window_ms, window, sizeof(window));
	say(part, IMPACT_LOST, "%s; the window is full again after %s", why, window);
}

struct metrics {
	struct metric *from, *to; /* NULL: no rule, or one that does not fit the site */
};

static void judge_panes(const struct rule *from, const struct rule *to,
			const struct metrics *metrics, const struct impact_scene *scene,
			struct impact_part *out)
{
	const struct rule *sharing = find_sharing(to != NULL ? metrics->to : metrics->from,
						  to != NULL ? to->name : from->name, scene);

	if (from != NULL && to != NULL && is_same_metric(metrics->from, metrics->to))
		say_kept(out, from->window_ms, to->window_ms);
	else if (sharing != NULL && to != NULL)
		say(out, IMPACT_KEPT, "rule %s counts the same readings, so they are there",
		    sharing->name);
	else if (sharing != NULL)
		say(out, IMPACT_KEPT, "rule %s counts the same readings and goes on",
		    sharing->name);
	else if (to == NULL)
		say(out, IMPACT_LOST,
		    "no other rule counts these readings, so their counts are "
		    "deleted");
	else if (from == NULL)
		say(out, IMPACT_NONE, "nothing was counted for it so far: it begins now");
	else if (metrics->from == NULL || metrics->to == NULL)
		say_lost(out, "the site does not have what one of the versions reads", to);
	else
		say_lost(out, find_difference(metrics->from, metrics->to), to);
}

/** What functions and streaks keep is in no pane. */
static bool has_own_state(const struct rule *rule)
{
	return rule->type == RULE_SCRIPT || rule->streak > 0;
}

/** Decided at readings, not at windows: kept panes cannot tell it again. */
static bool is_told_by_readings(const struct rule *rule)
{
	return rule->streak > 0 || (rule->has_on_reading && !rule->has_on_window);
}

static void judge_states(const struct rule *from, const struct rule *to, bool has_panes,
			 struct impact_part *out)
{
	if (from == NULL)
		say(out, IMPACT_NONE, "there are none yet");
	else if (to == NULL)
		say(out, IMPACT_LOST, "what was known about each key is forgotten");
	else if (has_own_state(from))
		say(out, IMPACT_LOST,
		    "what is kept for each key (state, timers, readings in a row) belongs to its "
		    "version");
	else if (has_panes)
		say(out, IMPACT_REBUILT,
		    "each key is judged anew from the kept panes at the next boundary; what hold, "
		    "clear, flap, non_disturb and no_data count begins again");
	else
		say(out, IMPACT_LOST,
		    "each key is judged anew from the readings to come; what hold, clear, flap, "
		    "non_disturb and no_data count begins again");
}

/** Why the rows of one version are of no use to the other. */
static const char *find_other_rows(const struct rule *from, const struct rule *to,
				   const struct metrics *metrics)
{
	if (metrics->from == NULL || metrics->to == NULL)
		return "the site does not have what one of the versions reads";
	if (!is_same_metric(metrics->from, metrics->to))
		return find_difference(metrics->from, metrics->to);
	if (from->window_ms != to->window_ms || from->every_ms != to->every_ms)
		return "windows are of another length or end at other times";
	if (from->key_filter != NULL || to->key_filter != NULL)
		return "which keys the lists of dimensions let through is not known to be the same";
	return "another statistic is kept, or other kinds of references (clock times, daily "
	       "averages)";
}

static void judge_history(const struct rule *from, const struct rule *to,
			  const struct metrics *metrics, const struct impact_scene *scene,
			  struct impact_part *out)
{
	const char *zone = scene->config->timezone;
	bool had = from != NULL && rule_has_history(from), has = to != NULL && rule_has_history(to);
	uint32_t had_days = had ? rule_history_days(from) : 0;
	uint32_t days = has ? rule_history_days(to) : 0;

	if (!had)
		say(out, IMPACT_NONE, "nothing was kept for it so far: it begins now");
	else if (!has)
		say(out, IMPACT_LOST, "what its windows and days had is deleted");
	else if (metrics->from == NULL || metrics->to == NULL ||
		 rule_history_definition(from, metrics->from, zone) !=
			 rule_history_definition(to, metrics->to, zone))
		say(out, IMPACT_LOST,
		    "%s; what windows and days had is deleted, and the references are complete "
		    "again after %u days",
		    find_other_rows(from, to, metrics), days);
	else if (days > had_days)
		say(out, IMPACT_KEPT,
		    "both keep the same of each window and day; rows of %u days are there, and the "
		    "references, which look %u days back, are complete after those in between",
		    had_days, days);
	else
		say(out, IMPACT_KEPT, "both keep the same of each window and day");
}

static void judge_alerts(const struct rule *from, const struct rule *to, bool has_panes,
			 int64_t firing_count, struct impact_part *out)
{
	char count[48] = "those that fire";

	if (from == NULL || firing_count == 0) {
		say(out, IMPACT_NONE, "none is firing");
		return;
	}
	if (firing_count > 0)
		snprintf(count, sizeof(count), "%lld firing alert%s", (long long)firing_count,
			 firing_count == 1 ? "" : "s");
	if (to == NULL)
		say(out, IMPACT_LOST, "%s resolve%s at once, with the reason why the rule ended",
		    count, firing_count == 1 ? "s" : "");
	else if (is_told_by_readings(to))
		say(out, IMPACT_LOST,
		    "%s resolve%s with the reason rule_changed; a key fires again when readings to "
		    "come meet the condition of version %u",
		    count, firing_count == 1 ? "s" : "", to->version);
	else
		say(out, has_panes ? IMPACT_REBUILT : IMPACT_LOST,
		    "%s resolve%s with the reason rule_changed; a key that still meets the "
		    "condition of version %u %s",
		    count, firing_count == 1 ? "s" : "", to->version,
		    has_panes ? "fires again at the next boundary"
			      : "fires again when its window has enough readings");
}

static void say_unchanged(struct impact *out)
{
	static const char same[] = "it is the version that runs";

	say(&out->panes, IMPACT_KEPT, "%s", same);
	say(&out->states, IMPACT_KEPT, "%s", same);
	say(&out->history, IMPACT_KEPT, "%s", same);
	say(&out->alerts, IMPACT_KEPT, "%s", same);
}

void impact_compute(const struct rule *from, const struct rule *to,
		    const struct impact_scene *scene, int64_t firing_count, struct impact *out)
{
	struct metrics metrics = {NULL, NULL};
	bool has_panes;

	*out = (struct impact){0};
	if (from == NULL && to == NULL)
		return;
	out->has_history =
		(from != NULL && rule_has_history(from)) || (to != NULL && rule_has_history(to));
	if (from != NULL && to != NULL && from->version == to->version &&
	    strcmp(from->hash, to->hash) == 0) {
		say_unchanged(out);
		return;
	}
	if (from != NULL && rule_metric_make(from, scene->config, &metrics.from, NULL) != 0)
		metrics.from = NULL;
	if (to != NULL && rule_metric_make(to, scene->config, &metrics.to, NULL) != 0)
		metrics.to = NULL;
	judge_panes(from, to, &metrics, scene, &out->panes);
	has_panes = out->panes.fate == IMPACT_KEPT;
	judge_states(from, to, has_panes, &out->states);
	judge_history(from, to, &metrics, scene, &out->history);
	judge_alerts(from, to, has_panes, firing_count, &out->alerts);
	metric_unref(metrics.from);
	metric_unref(metrics.to);
}

static void append_part(const char *name, const struct impact_part *part, struct bytes *out)
{
	bytes_append_format(out, "%s%s %s: %s", out->length > 0 ? "; " : "", name,
			    fate_names[part->fate], part->text);
}

void impact_append_text(const struct impact *impact, struct bytes *out)
{
	struct bytes text = BYTES_EMPTY;

	append_part("panes", &impact->panes, &text);
	append_part("states", &impact->states, &text);
	if (impact->has_history)
		append_part("history", &impact->history, &text);
	append_part("alerts", &impact->alerts, &text);
	bytes_append_slice(out, bytes_slice(&text));
	bytes_deinit(&text);
}
