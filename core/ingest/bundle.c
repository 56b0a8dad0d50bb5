#include "core/ingest/bundle.h"

#include "core/base/mem.h"
#include "core/ingest/intake.h"
#include "core/window/watermark.h"

struct bundle *bundle_new(struct intake *intake, uint64_t seed)
{
	struct bundle *bundle = mem_alloc(sizeof(*bundle));
	bundle->max_event_ms = WATERMARK_NONE;
	bundle->min_event_ms = WATERMARK_NONE;
	if (!intake)
		return bundle;
	bundle->intake = intake_ref(intake);
	bundle->delta_count = intake->metric_count;
	if (bundle->delta_count > 0)
		bundle->deltas = mem_alloc_array(bundle->delta_count, sizeof(*bundle->deltas));
	for (uint32_t i = 0; i < bundle->delta_count; i++)
		group_table_init(&bundle->deltas[i], intake->metrics[i].metric->aggregate_count,
				 seed);
	return bundle;
}

static void bundle_forget_dead_letters(struct bundle *bundle)
{
	for (uint32_t i = 0; i < bundle->dead_letter_count; i++) {
		mem_free(bundle->dead_letters[i].text);
		mem_free(bundle->dead_letters[i].reason);
		bundle->dead_letters[i] = (struct dead_letter){0};
	}
	bundle->dead_letter_count = 0;
}

void bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return;
	bundle_forget_dead_letters(bundle);
	for (uint32_t i = 0; i < bundle->delta_count; i++)
		group_table_deinit(&bundle->deltas[i]);
	mem_free(bundle->deltas);
	intake_unref(bundle->intake);
	mem_free(bundle);
}

void bundle_clear(struct bundle *bundle)
{
	bundle_forget_dead_letters(bundle);
	for (uint32_t i = 0; i < bundle->delta_count; i++)
		group_table_clear(&bundle->deltas[i]);
	*bundle = (struct bundle){
		.intake = bundle->intake,
		.deltas = bundle->deltas,
		.delta_count = bundle->delta_count,
		.max_event_ms = WATERMARK_NONE,
		.min_event_ms = WATERMARK_NONE,
	};
}
