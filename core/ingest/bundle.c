#include "core/ingest/bundle.h"

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"
#include "core/window/watermark.h"

#include <string.h>

struct bundle *bundle_new(struct intake *intake, uint64_t seed)
{
	struct bundle *bundle = mem_alloc(sizeof(*bundle));
	bundle->max_event_ms = WATERMARK_NONE;
	bundle->min_event_ms = WATERMARK_NONE;
	bundle->first_event_ms = WATERMARK_NONE;
	if (!intake)
		return bundle;
	bundle->intake = intake_ref(intake);
	bundle->delta_count = intake->metric_count;
	if (bundle->delta_count > 0)
		bundle->deltas = mem_alloc_array(bundle->delta_count, sizeof(*bundle->deltas));
	for (uint32_t i = 0; i < bundle->delta_count; i++)
		group_table_init(&bundle->deltas[i], &intake->metrics[i].metric->cells, seed);
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

static void bundle_forget_batches(struct bundle *bundle)
{
	for (uint32_t i = 0; i < bundle->batch_count; i++)
		batch_kept_free(bundle->batches[i]);
	bundle->batch_count = 0;
}

void bundle_take_batch(struct bundle *bundle, struct batch *batch)
{
	if (bundle->batch_count == bundle->batch_capacity) {
		bundle->batch_capacity = bundle->batch_capacity ? bundle->batch_capacity * 2 : 8;
		bundle->batches =
			mem_grow(bundle->batches, bundle->batch_capacity, sizeof(struct batch *));
	}
	bundle->batches[bundle->batch_count++] = batch;
}

/* ---- rows that match ---- */

static uint64_t *row_set(const struct bundle *bundle, uint32_t batch, uint32_t keeper)
{
	size_t sets = (size_t)batch * bundle->intake->keeper_count + keeper;

	return bundle->row_sets + sets * BUNDLE_ROW_WORDS;
}

void bundle_begin_row_sets(struct bundle *bundle)
{
	uint32_t keeper_count = bundle->intake->keeper_count;
	size_t words = (size_t)keeper_count * BUNDLE_ROW_WORDS;

	if (keeper_count == 0)
		return;
	if (bundle->batch_count == bundle->row_set_capacity) {
		bundle->row_set_capacity =
			bundle->row_set_capacity ? bundle->row_set_capacity * 2 : 8;
		bundle->row_sets = mem_grow(bundle->row_sets, bundle->row_set_capacity,
					    words * sizeof(uint64_t));
	}
	memset(row_set(bundle, bundle->batch_count, 0), 0, words * sizeof(uint64_t));
}

void bundle_mark_rows(struct bundle *bundle, uint32_t batch, uint32_t keeper, const uint16_t *rows,
		      uint32_t row_count)
{
	uint64_t *set = row_set(bundle, batch, keeper);

	for (uint32_t i = 0; i < row_count; i++)
		set[rows[i] / 64] |= 1ULL << rows[i] % 64;
}

uint32_t bundle_marked_rows(const struct bundle *bundle, uint32_t batch, uint32_t keeper,
			    uint16_t rows[BATCH_ROWS_MAX])
{
	const uint64_t *set = row_set(bundle, batch, keeper);
	uint32_t count = 0;

	for (uint32_t word = 0; word < BUNDLE_ROW_WORDS; word++)
		for (uint64_t bits = set[word]; bits != 0; bits &= bits - 1)
			rows[count++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(bits));
	return count;
}

void bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return;
	if (bundle->shelf) {
		bundle_shelf_give(bundle);
		return;
	}
	bundle_forget_dead_letters(bundle);
	for (uint32_t i = 0; i < bundle->delta_count; i++)
		group_table_deinit(&bundle->deltas[i]);
	mem_free(bundle->deltas);
	bundle_forget_batches(bundle);
	mem_free(bundle->batches);
	mem_free(bundle->row_sets);
	mem_free(bundle->times.data);
	mem_free(bundle->marks.data);
	intake_unref(bundle->intake);
	mem_free(bundle);
}

void bundle_clear(struct bundle *bundle)
{
	bundle_forget_dead_letters(bundle);
	bundle_forget_batches(bundle);
	for (uint32_t i = 0; i < bundle->delta_count; i++)
		group_table_clear(&bundle->deltas[i]);
	*bundle = (struct bundle){
		.intake = bundle->intake,
		.deltas = bundle->deltas,
		.delta_count = bundle->delta_count,
		.batches = bundle->batches,
		.batch_capacity = bundle->batch_capacity,
		.row_sets = bundle->row_sets,
		.row_set_capacity = bundle->row_set_capacity,
		.times = {.data = bundle->times.data, .capacity = bundle->times.capacity},
		.marks = {.data = bundle->marks.data, .capacity = bundle->marks.capacity},
		.shelf = bundle->shelf,
		.max_event_ms = WATERMARK_NONE,
		.min_event_ms = WATERMARK_NONE,
		.first_event_ms = WATERMARK_NONE,
	};
}

struct bundle *bundle_head(struct bundle *bundle)
{
	struct bundle *head = mem_alloc(sizeof(*head));

	*head = (struct bundle){
		.partition = bundle->partition,
		.is_positioned = bundle->is_positioned,
		.is_reset = bundle->is_reset,
		.from = bundle->from,
		.to = bundle->to,
		.max_event_ms = bundle->max_event_ms,
		.min_event_ms = bundle->min_event_ms,
		.counters = bundle->counters,
		.regex_limits = bundle->regex_limits,
		.earlier_readings = bundle->earlier_readings,
		.earlier_malformed = bundle->earlier_malformed,
		.on_durable = bundle->on_durable,
		.arg = bundle->arg,
	};
	bundle_free(bundle);
	return head;
}

uint16_t bundle_mark(struct bundle *bundle, int64_t mark_ms)
{
	struct bundle_marks *marks = &bundle->marks;

	if (marks->count > 0 && marks->data[marks->count - 1] == mark_ms)
		return (uint16_t)marks->count;
	REQUIRE(marks->count < BUNDLE_MARKS_MAX);
	if (marks->count == marks->capacity) {
		marks->capacity = marks->capacity ? marks->capacity * 2 : 16;
		marks->data = mem_grow(marks->data, marks->capacity, sizeof(*marks->data));
	}
	marks->data[marks->count++] = mark_ms;
	return (uint16_t)marks->count;
}

void bundle_times_grow(struct bundle_times *times)
{
	times->capacity = times->capacity ? times->capacity * 2 : 1024;
	times->data = mem_grow(times->data, times->capacity, sizeof(*times->data));
}

/** A reading is late when its time lies behind the greatest of all times before it, less the
 *  lateness: of those in its block (counted by the reader), or of those before the block. */
void bundle_settle_late(struct bundle *bundle, int64_t watermark_ms)
{
	struct bundle_times *times = &bundle->times;

	if (times->is_kept && watermark_ms != WATERMARK_NONE &&
	    bundle->min_event_ms < watermark_ms) {
		int64_t first_ms = INT64_MAX;

		for (uint32_t i = 0; i < times->count; i++) {
			int64_t time_ms = times->data[i];

			bundle->counters.late += time_ms < watermark_ms;
			if (time_ms >= watermark_ms && time_ms < first_ms)
				first_ms = time_ms;
		}
		bundle->first_event_ms = first_ms == INT64_MAX ? WATERMARK_NONE : first_ms;
	}
	times->count = 0;
	times->is_kept = false;
}
