/* A bundle's groups into the windows, so that what a window holds when it is judged does not depend
 * on where bundles were cut: a late reading belongs to the windows that the watermark of its own
 * line has not passed, and to no other.
 *
 *     is something late by what came before the bundle?  then judge what that completes
 *     merge what has no mark
 *     for each mark that has groups: the watermark moves to it, judge, merge its groups
 *     the watermark moves to the bundle's end (judged by engine_advance())
 *
 * What has no mark may be merged first: its pane was open at its line, so it ends after every
 * window that is judged meanwhile. The watermark of a line is its partition's own at that line, and
 * of the other partitions what they have said when the bundle is applied. A pane is refused by the
 * same watermark (engine_metrics.c: cut_ms moves with what is judged).
 */
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"

#include "core/base/mem.h"
#include "core/ingest/intake.h"
#include "core/model/span.h"
#include "core/window/metric.h"
#include "core/window/window.h"

#include <stdlib.h>

/** A marked group of the bundle at hand. */
struct late_group {
	uint32_t mark;  /**< number */
	uint32_t delta; /**< of the bundle's */
	const struct group *group;
	struct engine_metric *metric;
};

/** A pane lies behind what some rule has evaluated: its next window must not be skipped. */
static void mark_dirty(struct engine_metric *metric, int64_t start_ms)
{
	for (uint32_t i = 0; i < metric->rule_count; i++)
		if (start_ms < metric->rules[i]->evaluated_ms)
			metric->rules[i]->is_dirty = true;
}

/** NULL: no rule of this generation uses it any more. */
static struct engine_metric *metric_of(const struct engine *engine,
				       const struct engine_source *source,
				       const struct bundle *bundle, uint32_t delta)
{
	return bundle->intake == source->intake
		       ? source->metrics[delta]
		       : engine_find_metric(engine, bundle->intake->metrics[delta].metric);
}

static void merge_unmarked(struct engine *engine, struct engine_source *source,
			   const struct bundle *bundle)
{
	for (uint32_t i = 0; i < bundle->delta_count; i++) {
		struct engine_metric *metric;
		struct window_merged merged;

		/* Of a thousand rules a bundle touches few. */
		if (bundle->deltas[i].count == 0)
			continue;
		metric = metric_of(engine, source, bundle, i);
		if (metric == NULL)
			continue;
		if (metric->corrects_late)
			engine_mark_late_table(engine, metric, &bundle->deltas[i]);
		window_merge_table(metric->window, &bundle->deltas[i], metric->cut_ms, &merged);
		if (metric->levels != NULL) {
			uint64_t saved_count = 0;

			engine_merge_levels(metric, &bundle->deltas[i], &merged.first_ms,
					    &saved_count);
			merged.late_count -= saved_count;
		}
		source->late_dropped += merged.late_count;
		mark_dirty(metric, merged.first_ms);
	}
}

/* ---- what is marked ---- */

static void keep_late(struct engine *engine, uint32_t count, struct late_group late)
{
	if (count == engine->late_capacity) {
		engine->late_capacity = engine->late_capacity == 0 ? 64 : 2 * engine->late_capacity;
		engine->late = mem_grow(engine->late, engine->late_capacity, sizeof(*engine->late));
	}
	engine->late[count] = late;
}

static int compare_late(const void *a, const void *b)
{
	const struct late_group *left = a, *right = b;

	if (left->mark != right->mark)
		return left->mark < right->mark ? -1 : 1;
	if (left->delta != right->delta)
		return left->delta < right->delta ? -1 : 1;
	return (left->group > right->group) - (left->group < right->group);
}

/** The marked groups of all metrics in engine->late, in the order of their marks. */
static uint32_t collect_late(struct engine *engine, const struct engine_source *source,
			     const struct bundle *bundle)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < bundle->delta_count; i++) {
		struct engine_metric *metric =
			bundle->deltas[i].count == 0 ? NULL : metric_of(engine, source, bundle, i);
		const struct group *group;
		size_t at = 0;

		while (metric != NULL &&
		       (group = group_table_next(&bundle->deltas[i], &at)) != NULL) {
			int64_t pane_ms = metric->metric->pane_ms;
			int64_t mark = group->start_ms - span_floor(group->start_ms, pane_ms);

			if (mark > 0)
				keep_late(engine, count++,
					  (struct late_group){(uint32_t)mark, i, group, metric});
		}
	}
	if (count > 1)
		qsort(engine->late, count, sizeof(*engine->late), compare_late);
	return count;
}

static void merge_late(struct engine *engine, struct engine_source *source,
		       const struct bundle *bundle, const struct late_group *late)
{
	struct engine_metric *metric = late->metric;
	const struct group *group = late->group;
	int64_t start_ms = group->start_ms - late->mark;
	struct slice key = group_key(&bundle->deltas[late->delta], group);
	bool is_kept = start_ms >= metric->cut_ms;
	bool is_merged;

	if (is_kept && metric->corrects_late)
		engine_mark_late(engine, metric, start_ms, key);
	is_merged = is_kept && window_merge(metric->window, start_ms, key, group->aggregates) == 0;
	is_merged |= engine_merge_level(metric, start_ms, key, group->aggregates);
	if (is_merged)
		mark_dirty(metric, start_ms);
	else if (!is_kept)
		source->late_dropped += group->aggregates->count;
}

/** The partition has read so far that its watermark is the mark, or a little more. */
static void move_to_mark(struct engine *engine, struct engine_partition *partition,
			 const struct bundle *bundle, uint32_t mark, int64_t now_mono_ms)
{
	struct engine_source *source = partition->source;
	int64_t event_ms = bundle->marks.data[mark - 1] + source->lateness_ms;

	/* A lateness that has grown since does not bring the future. */
	if (event_ms > bundle->max_event_ms)
		event_ms = bundle->max_event_ms;
	watermark_observe(source->watermark, (uint32_t)(partition - engine->partitions), event_ms,
			  now_mono_ms);
	engine_judge_reached(engine, source, now_mono_ms);
}

static void merge_marked(struct engine *engine, struct engine_partition *partition,
			 const struct bundle *bundle, struct reading_walk *walk,
			 int64_t now_mono_ms)
{
	uint32_t count = collect_late(engine, partition->source, bundle);
	uint32_t mark = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (engine->late[i].mark != mark) {
			mark = engine->late[i].mark;
			if (walk->judges_panes)
				engine_walk_to(walk, bundle->marks.data[mark - 1]);
			move_to_mark(engine, partition, bundle, mark, now_mono_ms);
		}
		merge_late(engine, partition->source, bundle, &engine->late[i]);
	}
}

/* ---- both ---- */

/** Never false when something is late by what came before the bundle. */
static bool may_be_late(const struct engine_source *source, const struct bundle *bundle)
{
	int64_t reached_ms = source->watermark_ms;

	if (source->max_event_ms != TIME_NONE &&
	    source->max_event_ms - source->lateness_ms > reached_ms)
		reached_ms = source->max_event_ms - source->lateness_ms;
	return bundle->min_event_ms != TIME_NONE && bundle->min_event_ms < reached_ms;
}

static void note_times(struct engine_source *source, struct engine_partition *partition,
		       const struct bundle *bundle)
{
	if (bundle->first_event_ms != TIME_NONE &&
	    (source->first_event_ms == TIME_NONE ||
	     bundle->first_event_ms < source->first_event_ms)) {
		source->first_event_ms = bundle->first_event_ms;
		source->must_check = true; /* a rule without history begins earlier */
	}
	if (bundle->max_event_ms > partition->max_event_ms)
		partition->max_event_ms = bundle->max_event_ms;
	if (bundle->max_event_ms > source->max_event_ms)
		source->max_event_ms = bundle->max_event_ms;
}

/** What crosses a threshold in a window that is still open. What the bundle completes is judged
 *  before: it is no more early. */
static void judge_early(struct engine *engine, struct engine_source *source,
			const struct bundle *bundle, int64_t now_mono_ms)
{
	bool is_judged = false;

	for (uint32_t i = 0; i < bundle->delta_count; i++) {
		struct engine_metric *metric =
			bundle->deltas[i].count == 0 ? NULL : metric_of(engine, source, bundle, i);

		if (metric == NULL || !metric->has_early)
			continue;
		if (!is_judged)
			engine_judge_reached(engine, source, now_mono_ms);
		is_judged = true;
		engine_judge_early(engine, metric, &bundle->deltas[i]);
	}
}

void engine_merge(struct engine *engine, struct engine_partition *partition,
		  const struct bundle *bundle, int64_t now_mono_ms)
{
	struct engine_source *source = partition->source;
	struct reading_walk walk;

	engine_walk_begin(&walk, engine, partition, bundle, now_mono_ms);
	if (walk.judges_panes || may_be_late(source, bundle))
		engine_judge_reached(engine, source, now_mono_ms);
	merge_unmarked(engine, source, bundle);
	note_times(source, partition, bundle);
	/* The marks move the watermark: before them, or step by step with them. */
	if (!walk.judges_panes)
		engine_walk_to(&walk, INT64_MAX);
	if (bundle->marks.count > 0)
		merge_marked(engine, partition, bundle, &walk, now_mono_ms);
	engine_walk_to(&walk, INT64_MAX);
	watermark_observe(source->watermark, (uint32_t)(partition - engine->partitions),
			  bundle->max_event_ms, now_mono_ms);
	judge_early(engine, source, bundle, now_mono_ms);
}
