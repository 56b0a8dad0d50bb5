/* Calendar windows: which levels a metric has, what goes from one to the next, and who must know of
 * a late reading.
 *
 *     watermark - lateness - a minute        hours that ended before become panes of hours
 *     and their day is over, and began       they become a pane of the day
 *       retention.fine ago
 *     a day is older than the longest        its pane is forgotten
 *       window and retention.day
 *
 * What moves is deleted from one level and written to the other in one batch, with how far it went
 * (row "L"): after any end of the program a reading is in exactly one level.
 */
#include "core/engine/engine_internal.h"
#include "core/engine/engine_store.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/model/local_day.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"
#include "core/window/window_slide.h"
#include "storage/commit.h"

#include <string.h>

static struct window_options options_of(const struct engine *engine,
					const struct engine_metric *metric)
{
	return (struct window_options){
		.keys_max = metric->keys_max,
		.seed = engine->options.seed,
		.is_stored = engine->options.commit != NULL,
	};
}

int64_t engine_window_start(const struct engine *engine, const struct rule *rule, int64_t to_ms)
{
	return rule->window_days > 0 ? window_level_from_ms(engine->zone, to_ms, rule->window_days)
				     : to_ms - rule->window_ms;
}

/* ---- a generation ---- */

void engine_drop_slides(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		window_slide_free(engine->rules[i]->slide);
		engine->rules[i]->slide = NULL;
	}
}

static void delete_levels(struct engine *engine, const struct window_levels *levels,
			  const struct metric *metric)
{
	engine_delete_panes(engine, levels->hour_metric->id.bytes, INT64_MIN, INT64_MAX);
	engine_delete_panes(engine, levels->day_metric->id.bytes, INT64_MIN, INT64_MAX);
	engine_delete_level(engine, metric->id.bytes);
}

void engine_delete_metric(struct engine *engine, const struct engine_metric *metric)
{
	engine_delete_panes(engine, metric->metric->id.bytes, INT64_MIN, INT64_MAX);
	if (metric->levels != NULL)
		delete_levels(engine, metric->levels, metric->metric);
}

static void install_levels(struct engine *engine, struct engine_metric *metric)
{
	struct window_options options = options_of(engine, metric);

	if (metric->days_max > 0 && metric->levels == NULL) {
		metric->levels =
			window_levels_new(metric->window, metric->metric, &options, engine->zone);
		metric->day_cut_ms = TIME_NONE;
		metric->expired_day = LEVEL_NONE;
	} else if (metric->days_max == 0 && metric->levels != NULL) {
		delete_levels(engine, metric->levels, metric->metric);
		window_levels_free(metric->levels);
		metric->levels = NULL;
	}
	if (metric->levels == NULL)
		return;
	metric->levels->zone = engine->zone;
	window_limit_keys(metric->levels->hours, metric->keys_max);
	window_limit_keys(metric->levels->days, metric->keys_max);
}

void engine_install_levels(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->metric_count; i++)
		install_levels(engine, engine->metrics[i]);
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct rule_state *state = engine->rules[i];
		struct window_slide_options options = {
			.window_ms = state->rule->window_ms,
			.days = state->rule->window_days,
			.totals = options_of(engine, state->metric),
		};

		state->slide =
			window_slide_new(state->metric->window, state->metric->levels, &options);
	}
}

/* ---- who has it ---- */

struct engine_metric *engine_find_leveled(const struct engine *engine, struct slice id)
{
	uint32_t index = key_table_find(&engine->metric_ids, id);

	return index != KEY_TABLE_NONE && engine->metrics[index]->levels != NULL
		       ? engine->metrics[index]
		       : NULL;
}

struct window *engine_find_window(const struct engine *engine, struct slice id)
{
	uint32_t index = key_table_find(&engine->metric_ids, id);

	if (index != KEY_TABLE_NONE)
		return engine->metrics[index]->window;
	for (uint32_t i = 0; i < engine->metric_count; i++) {
		const struct window_levels *levels = engine->metrics[i]->levels;

		if (levels == NULL)
			continue;
		if (memcmp(levels->hour_metric->id.bytes, id.data, METRIC_ID_BYTES) == 0)
			return levels->hours;
		if (memcmp(levels->day_metric->id.bytes, id.data, METRIC_ID_BYTES) == 0)
			return levels->days;
	}
	return NULL;
}

/* ---- time passes ---- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void expire_days(struct engine *engine, struct engine_metric *metric, int64_t today)
{
	struct window_levels *levels = metric->levels;
	int64_t kept_days = (engine->config->retention_day_ms + LOCAL_DAY_MS - 1) / LOCAL_DAY_MS;
	int64_t first_day;

	if (kept_days < metric->days_max)
		kept_days = metric->days_max;
	first_day = today - kept_days;
	if (first_day <= metric->expired_day)
		return;
	metric->day_cut_ms = local_day_start_ms(levels->zone, first_day);
	if (window_expire(levels->days, window_level_day_ms(first_day)) > 0)
		engine_delete_panes(engine, levels->day_metric->id.bytes,
				    metric->expired_day != LEVEL_NONE
					    ? window_level_day_ms(metric->expired_day)
					    : INT64_MIN,
				    window_level_day_ms(first_day));
	metric->expired_day = first_day;
}

bool engine_roll_levels(struct engine *engine, struct engine_metric *metric)
{
	struct window_levels *levels = metric->levels;
	int64_t reached_ms = span_floor(metric->source->watermark_ms, PANE_MS);
	int64_t hours_ms = reached_ms - metric->source->lateness_ms - ENGINE_KEEP_EXTRA_MS;
	int64_t day_ms =
		least(hours_ms, reached_ms - engine->config->retention_fine_ms + LOCAL_DAY_MS);
	int64_t was_ms = levels->rolled_ms, was_day = levels->rolled_day;

	window_levels_roll(levels, hours_ms, window_level_day(levels->zone, day_ms));
	if (levels->rolled_day != was_day)
		engine_delete_panes(engine, levels->hour_metric->id.bytes,
				    was_day != LEVEL_NONE ? window_level_hour_ms(was_day)
							  : INT64_MIN,
				    window_level_hour_ms(levels->rolled_day));
	expire_days(engine, metric, window_level_day(levels->zone, reached_ms));
	if (levels->rolled_ms == was_ms && levels->rolled_day == was_day)
		return false;
	engine_put_level(engine, metric->metric->id.bytes, levels);
	if (engine->options.commit != NULL)
		commit_keep_back(engine->options.commit);
	return true;
}

/* ---- late readings ---- */

bool engine_merge_level(struct engine_metric *metric, int64_t start_ms, struct slice key,
			const struct aggregate *delta)
{
	bool has_it = false;

	if (metric->levels == NULL)
		return false;
	if (start_ms < metric->levels->rolled_ms) {
		if (start_ms < metric->day_cut_ms ||
		    window_levels_merge(metric->levels, start_ms, key, delta) != 0)
			return false;
		has_it = true;
	}
	for (uint32_t i = 0; i < metric->rule_count; i++)
		window_slide_add_late(metric->rules[i]->slide, start_ms, key, delta);
	return has_it;
}

/** What begins at it or later is of no interest to levels and totals. */
static int64_t covered_ms(const struct engine_metric *metric)
{
	int64_t covered = metric->levels->rolled_ms;

	for (uint32_t i = 0; i < metric->rule_count; i++)
		if (metric->rules[i]->evaluated_ms > covered)
			covered = metric->rules[i]->evaluated_ms;
	return covered;
}

void engine_merge_levels(struct engine_metric *metric, const struct group_table *table,
			 int64_t *first_ms, uint64_t *saved_count)
{
	int64_t before_ms = covered_ms(metric), pane_ms = metric->metric->pane_ms;
	const struct group *group;
	size_t at = 0;

	while ((group = group_table_next(table, &at)) != NULL) {
		if (group->start_ms >= before_ms ||
		    group->start_ms != span_floor(group->start_ms, pane_ms) ||
		    !engine_merge_level(metric, group->start_ms, group_key(table, group),
					group->aggregates))
			continue;
		if (group->start_ms < *first_ms)
			*first_ms = group->start_ms;
		if (group->start_ms < metric->cut_ms)
			*saved_count += group->aggregates->count;
	}
}
