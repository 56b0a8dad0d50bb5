#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_store.h"

#include "core/base/mem.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"
#include "core/window/window_level.h"
#include "storage/commit.h"

struct engine_metric *engine_find_metric(const struct engine *engine, const struct metric *metric)
{
	struct slice id = {(const char *)metric->id.bytes, METRIC_ID_BYTES};
	uint32_t index = key_table_find(&engine->metric_ids, id);

	return index != KEY_TABLE_NONE ? engine->metrics[index] : NULL;
}

void engine_metric_free(struct engine_metric *metric)
{
	window_levels_free(metric->levels);
	window_free(metric->window);
	metric_unref(metric->metric);
	mem_free(metric->rules);
	mem_free(metric);
}

/** What a range delete costs in the store is paid once for many panes, not for each. */
static int64_t expiry_step_ms(const struct engine_metric *metric)
{
	int64_t step_ms = metric->keep_ms / 8;

	return step_ms > metric->metric->pane_ms ? step_ms : metric->metric->pane_ms;
}

/** True: readings went from minutes to hours, or from hours to days. */
static bool expire(struct engine *engine, struct engine_metric *metric)
{
	bool has_rolled = false;
	/* It is looked at whenever a pane has passed, and must not tell how far beyond. */
	int64_t reached_ms = span_floor(metric->source->watermark_ms, PANE_MS);
	int64_t cut_ms = span_floor(reached_ms - metric->keep_ms, metric->metric->pane_ms);

	if (metric->levels != NULL) {
		has_rolled = engine_roll_levels(engine, metric);
		/* Minutes that are not in hours yet stay, whatever windows slide. */
		if (metric->levels->rolled_ms < cut_ms)
			cut_ms = metric->levels->rolled_ms;
	}

	if (cut_ms > metric->cut_ms)
		metric->cut_ms = cut_ms;
	if (metric->expired_ms != TIME_NONE &&
	    metric->cut_ms - metric->expired_ms < expiry_step_ms(metric))
		return has_rolled;
	if (window_expire(metric->window, metric->cut_ms) > 0)
		engine_delete_panes(engine, metric->metric->id.bytes, metric->expired_ms,
				    metric->cut_ms);
	metric->expired_ms = metric->cut_ms;
	return has_rolled;
}

/** What no window will be judged before: each rule goes on behind what it has evaluated, also the
 *  next version of it, and corrects windows as far as it reaches; one that has not begun may begin
 *  anywhere. */
static int64_t judged_ms(const struct engine_metric *metric)
{
	int64_t least_ms = metric->source->watermark_ms;

	for (uint32_t i = 0; i < metric->rule_count; i++) {
		const struct rule_state *state = metric->rules[i];
		int64_t from_ms = state->evaluated_ms;

		if (from_ms == TIME_NONE)
			return TIME_NONE;
		from_ms -= rule_late_reach_ms(state->rule);
		if (from_ms < least_ms)
			least_ms = from_ms;
	}
	return least_ms;
}

static void drop_lines(const struct engine_metric *metric, bool has_rolled)
{
	int64_t before_ms = judged_ms(metric);

	if (metric->metric->cells.lines_max == 0 || before_ms == TIME_NONE)
		return;
	window_drop_lines(metric->window, before_ms);
	if (!has_rolled)
		return;
	/* What was rolled up is in every window of calendar days from then on. */
	window_drop_lines(metric->levels->hours, INT64_MAX);
	window_drop_lines(metric->levels->days, INT64_MAX);
}

void engine_expire(struct engine *engine, const struct engine_source *source)
{
	if (source->watermark_ms == TIME_NONE)
		return;
	for (uint32_t i = 0; i < engine->metric_count; i++) {
		struct engine_metric *metric = engine->metrics[i];

		if (metric->source != source)
			continue;
		drop_lines(metric, expire(engine, metric));
		if (engine->options.commit == NULL)
			continue;
		window_close(metric->window, source->watermark_ms - metric->metric->pane_ms);
		if (window_has_changes(metric->window))
			commit_keep_back(engine->options.commit);
	}
}
