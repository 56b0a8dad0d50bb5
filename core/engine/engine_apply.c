/* A bundle of a positioned partition, against the committed position C (epoch, offset):
 *
 *     from == C                              applied, C = to
 *     reset: from == (C.epoch + 1, 0)        applied, C = to
 *     to <= C                                duplicate: dropped, counted, acknowledged
 *     else                                   gap or overlap: ERR_CONFLICT, start again at C
 */
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_store.h"

#include "core/base/err.h"
#include "core/base/require.h"
#include "core/ingest/intake.h"
#include "core/window/window.h"
#include "storage/commit.h"

static int position_compare(const struct position *a, const struct position *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static bool follows(const struct engine_partition *partition, const struct bundle *bundle)
{
	if (bundle->is_reset)
		return bundle->from.epoch == partition->committed.epoch + 1 &&
		       bundle->from.offset == 0;
	return position_compare(&bundle->from, &partition->committed) == 0;
}

static void on_durable(void *arg)
{
	struct bundle *bundle = arg;

	bundle->on_durable(bundle->arg, bundle);
	bundle_free(bundle);
}

/** Also a duplicate waits for the commit: what it repeats may still be on its way to disk. */
static void acknowledge(struct engine *engine, struct bundle *bundle)
{
	if (bundle->on_durable == NULL)
		bundle_free(bundle);
	else if (engine->options.commit == NULL)
		on_durable(bundle);
	else
		commit_after(engine->options.commit, on_durable, bundle_head(bundle));
}

/** A pane lies behind what some rule has evaluated: its next window must not be skipped. */
static void mark_late(struct engine_metric *metric, int64_t start_ms)
{
	for (uint32_t i = 0; i < metric->rule_count; i++)
		if (start_ms < metric->rules[i]->evaluated_ms)
			metric->rules[i]->is_dirty = true;
}

static void merge_table(struct engine_metric *metric, const struct group_table *deltas)
{
	struct window_merged merged;

	window_merge_table(metric->window, deltas, metric->cut_ms, &merged);
	metric->source->late_dropped += merged.late_count;
	mark_late(metric, merged.first_ms);
}

/** Deltas of metrics that no rule of this generation uses any more are passed over. */
static void merge_deltas(struct engine *engine, const struct engine_source *source,
			 const struct bundle *bundle)
{
	bool is_current = bundle->intake == source->intake;

	for (uint32_t i = 0; i < bundle->delta_count; i++) {
		const struct group_table *deltas = &bundle->deltas[i];
		struct engine_metric *metric;

		/* Of a thousand rules a bundle touches few. */
		if (deltas->count == 0)
			continue;
		metric = is_current ? source->metrics[i]
				    : engine_find_metric(engine, bundle->intake->metrics[i].metric);
		if (metric != NULL)
			merge_table(metric, deltas);
	}
}

static void observe(struct engine *engine, struct engine_partition *partition,
		    const struct bundle *bundle, int64_t now_mono_ms)
{
	struct engine_source *source = partition->source;

	if (bundle->min_event_ms != TIME_NONE && (source->first_event_ms == TIME_NONE ||
						  bundle->min_event_ms < source->first_event_ms)) {
		source->first_event_ms = bundle->min_event_ms;
		source->must_check = true; /* a rule without history begins earlier */
	}
	if (bundle->max_event_ms > partition->max_event_ms)
		partition->max_event_ms = bundle->max_event_ms;
	if (bundle->max_event_ms > source->max_event_ms)
		source->max_event_ms = bundle->max_event_ms;
	watermark_observe(source->watermark, (uint32_t)(partition - engine->partitions),
			  bundle->max_event_ms, now_mono_ms);
}

static void apply(struct engine *engine, struct engine_partition *partition, struct bundle *bundle,
		  int64_t now_mono_ms)
{
	struct engine_source *source = partition->source;

	if (bundle->batch_count > 0)
		engine_filter(engine, bundle);
	merge_deltas(engine, source, bundle);
	engine_add_counters(&partition->counters, &bundle->counters);
	engine_add_counters(&source->total, &bundle->counters);
	source->regex_limits += bundle->regex_limits;
	for (uint32_t i = 0; i < bundle->dead_letter_count; i++)
		engine_keep_dead_letter(source, partition->name, &bundle->dead_letters[i]);
	observe(engine, partition, bundle, now_mono_ms);
	if (bundle->is_positioned) {
		partition->committed = bundle->to;
		partition->kept_ms = engine->wall_ms;
		engine_change_partition(engine, partition);
	}
	source->has_new_dead_letters |= bundle->dead_letter_count > 0;
	engine_change_source(engine, source);
}

int engine_apply(struct engine *engine, struct bundle *bundle, int64_t now_mono_ms)
{
	struct engine_partition *partition;

	REQUIRE(bundle->partition < engine->partition_count);
	partition = &engine->partitions[bundle->partition];
	if (partition->name == NULL) {
		bundle_free(bundle);
		return ERR_NOT_FOUND;
	}
	if (bundle->is_positioned && !follows(partition, bundle)) {
		bool is_duplicate = position_compare(&bundle->to, &partition->committed) <= 0;

		if (!is_duplicate) {
			bundle_free(bundle);
			return ERR_CONFLICT;
		}
		partition->source->duplicates++;
		acknowledge(engine, bundle);
		return 0;
	}
	apply(engine, partition, bundle, now_mono_ms);
	acknowledge(engine, bundle);
	return 0;
}
