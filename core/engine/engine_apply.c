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

static void apply(struct engine *engine, struct engine_partition *partition, struct bundle *bundle,
		  int64_t now_mono_ms)
{
	struct engine_source *source = partition->source;

	if (bundle->batch_count > 0)
		engine_filter(engine, bundle);
	engine_merge(engine, partition, bundle, now_mono_ms);
	engine_add_counters(&partition->counters, &bundle->counters);
	engine_add_counters(&source->total, &bundle->counters);
	source->regex_limits += bundle->regex_limits;
	for (uint32_t i = 0; i < bundle->dead_letter_count; i++)
		engine_keep_dead_letter(source, partition->name, &bundle->dead_letters[i]);
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
