/* A batch goes through the set scope by scope. The rows at hand are a list while they are few, else
 * a mask: asking one row costs some nanoseconds for each node, a mask the same for 64 rows.
 *
 *     scope's rows ─┬─> entry: its terms one after the other ───────────────────────> each()
 *                   └─> index: value -> bucket, bucket's rows ─> entry: its terms ──> each()
 *
 * A term that several entries have is kept with the rows for which it is known, so that each row is
 * asked at most once. Cheap terms are asked for all rows at once.
 */
#include "core/filter/filter_set.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/filter/columns.h"
#include "core/filter/filter_internal.h"
#include "core/filter/filter_set_internal.h"
#include "core/filter/mask.h"
#include "core/filter/order.h"
#include "core/model/dimension_hash.h"

enum { FEW_ROWS = 24, SLOTS_MIN = 16, SPARSE_RATIO = 4 };

struct memo {
	uint64_t batch; /**< number of the batch it is about */
	struct mask known, hits;
};

/** One index: places of buckets by the hash of their values, and the rows found for each. */
struct index_state {
	uint64_t *slots; /**< upper half of the hash, bucket + 1; 0 = empty */
	uint32_t slot_mask;
	uint16_t *first, *last; /**< [bucket_count] rows of the batch at hand, while touched */
	uint32_t *touched;      /**< [bucket_count] buckets with rows */
	bool *is_touched;       /**< [bucket_count] */
	uint32_t touched_count;
};

struct filter_set_scratch {
	const struct filter_set *set;
	uint64_t seed;
	uint64_t batch_number;
	struct filter_scratch *filter;
	struct memo *memos;
	struct index_state *indexes;
	struct mask *multi_rows; /**< [multi_count] found by some value; empty between batches */
	uint32_t *multi_touched; /**< [multi_count] entries */
	bool *is_multi_touched;  /**< [multi_count] */
	uint16_t next[BATCH_ROWS_MAX]; /**< row of the same bucket */
	uint16_t scope_rows[BATCH_ROWS_MAX];
	uint16_t bucket_rows[BATCH_ROWS_MAX];
	uint16_t rows[BATCH_ROWS_MAX];
};

/** Rows at hand: always as a list; as a mask when they are many. */
struct set_rows {
	const uint16_t *rows;
	uint32_t count;
	const struct mask *mask;
};

struct set_run {
	const struct filter_set *set;
	struct filter_set_scratch *scratch;
	const struct batch *batch;
	struct column_hashes *hashes;
	filter_set_each *each;
	void *arg;
};

/* ---- scratch ---- */

static void state_init(struct index_state *state, const struct set_index *index, uint64_t seed)
{
	uint32_t slot_count = SLOTS_MIN;

	while (slot_count < index->bucket_count * 2)
		slot_count *= 2;
	*state = (struct index_state){
		.slots = mem_alloc_array(slot_count, sizeof(*state->slots)),
		.slot_mask = slot_count - 1,
		.first = mem_alloc_array(index->bucket_count, sizeof(*state->first)),
		.last = mem_alloc_array(index->bucket_count, sizeof(*state->last)),
		.touched = mem_alloc_array(index->bucket_count, sizeof(*state->touched)),
		.is_touched = mem_alloc_array(index->bucket_count, sizeof(*state->is_touched)),
	};
	for (uint32_t i = 0; i < index->bucket_count; i++) {
		uint64_t hash = dimension_value_hash(seed, &index->buckets[i].value);
		uint32_t at = (uint32_t)hash & state->slot_mask;

		while (state->slots[at] != 0)
			at = (at + 1) & state->slot_mask;
		state->slots[at] = (hash & 0xFFFFFFFF00000000u) | (i + 1);
	}
}

struct filter_set_scratch *filter_set_scratch_new(const struct filter_set *set, uint64_t seed)
{
	struct filter_set_scratch *scratch = mem_alloc(sizeof(*scratch));

	scratch->set = set;
	scratch->seed = seed;
	scratch->filter = filter_scratch_new();
	filter_scratch_reserve(scratch->filter, set->scratch_columns);
	scratch->memos = mem_alloc_array(set->memo_count, sizeof(*scratch->memos));
	scratch->indexes = mem_alloc_array(set->index_count, sizeof(*scratch->indexes));
	scratch->multi_rows = mem_alloc_array(set->multi_count, sizeof(*scratch->multi_rows));
	scratch->multi_touched = mem_alloc_array(set->multi_count, sizeof(uint32_t));
	scratch->is_multi_touched = mem_alloc_array(set->multi_count, sizeof(bool));
	for (uint32_t i = 0; i < set->scope_count; i++)
		for (uint32_t j = 0; j < set->scopes[i].index_count; j++) {
			const struct set_index *index = &set->scopes[i].indexes[j];

			state_init(&scratch->indexes[index->number], index, seed);
		}
	return scratch;
}

void filter_set_scratch_free(struct filter_set_scratch *scratch)
{
	if (scratch == NULL)
		return;
	for (uint32_t i = 0; i < scratch->set->index_count; i++) {
		mem_free(scratch->indexes[i].slots);
		mem_free(scratch->indexes[i].first);
		mem_free(scratch->indexes[i].last);
		mem_free(scratch->indexes[i].touched);
		mem_free(scratch->indexes[i].is_touched);
	}
	mem_free(scratch->indexes);
	mem_free(scratch->multi_rows);
	mem_free(scratch->multi_touched);
	mem_free(scratch->is_multi_touched);
	mem_free(scratch->memos);
	filter_scratch_free(scratch->filter);
	mem_free(scratch);
}

uint64_t filter_set_scratch_limits_hit(const struct filter_set_scratch *scratch)
{
	return filter_scratch_limits_hit(scratch->filter);
}

/* ---- terms ---- */

static struct memo *memo_of(const struct set_run *run, const struct set_term *term)
{
	struct memo *memo = &run->scratch->memos[term->memo];

	if (memo->batch == run->scratch->batch_number)
		return memo;
	memo->batch = run->scratch->batch_number;
	memo->known = (struct mask){{0}};
	memo->hits = (struct mask){{0}};
	if (term->is_cheap) {
		memo->known = mask_of_first(run->batch->row_count);
		columns_run(term->node, run->batch, run->scratch->filter, &memo->known,
			    &memo->hits);
	}
	return memo;
}

static void term_mask(const struct set_run *run, const struct set_term *term, struct mask *rows)
{
	struct mask unknown, hits;
	struct memo *memo;

	if (term->memo == SET_NONE) {
		columns_run(term->node, run->batch, run->scratch->filter, rows, rows);
		return;
	}
	memo = memo_of(run, term);
	if (!term->is_cheap) {
		for (uint32_t word = 0; word < MASK_WORDS; word++)
			unknown.words[word] = rows->words[word] & ~memo->known.words[word];
		columns_run(term->node, run->batch, run->scratch->filter, &unknown, &hits);
		for (uint32_t word = 0; word < MASK_WORDS; word++) {
			memo->known.words[word] |= unknown.words[word];
			memo->hits.words[word] |= hits.words[word];
		}
	}
	for (uint32_t word = 0; word < MASK_WORDS; word++)
		rows->words[word] &= memo->hits.words[word];
}

static bool term_row(const struct set_run *run, const struct set_term *term, struct memo *memo,
		     uint32_t row)
{
	bool hit;

	if (memo != NULL && mask_has(&memo->known, row))
		return mask_has(&memo->hits, row);
	hit = columns_row(term->node, run->batch, row, run->scratch->filter->matcher);
	if (memo != NULL) {
		mask_add(&memo->known, row);
		if (hit)
			mask_add(&memo->hits, row);
	}
	return hit;
}

static uint32_t term_rows(const struct set_run *run, const struct set_term *term,
			  const uint16_t *rows, uint32_t count, uint16_t *out)
{
	struct memo *memo = term->memo == SET_NONE ? NULL : memo_of(run, term);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint16_t row = rows[i];

		out[kept] = row;
		kept += term_row(run, term, memo, row);
	}
	return kept;
}

/* ---- entries ---- */

static void entry_emit(const struct set_run *run, const struct set_entry *entry,
		       const uint16_t *rows, uint32_t count)
{
	for (uint32_t i = 0; i < entry->place_count && count > 0; i++)
		run->each(run->arg, entry->places[i], rows, count);
}

static void entry_run(const struct set_run *run, const struct set_entry *entry,
		      const struct set_rows *in)
{
	uint16_t *out = run->scratch->rows;
	const uint16_t *rows = in->rows;
	uint32_t count = in->count, done = 0;

	if (in->mask != NULL && entry->term_count > 0) {
		struct mask mask = *in->mask;

		do {
			term_mask(run, &run->set->terms[entry->terms[done++]], &mask);
			count = mask_count(&mask);
		} while (done < entry->term_count && count > FEW_ROWS);
		mask_rows(&mask, out);
		rows = out;
	}
	for (; done < entry->term_count && count > 0; done++) {
		count = term_rows(run, &run->set->terms[entry->terms[done]], rows, count, out);
		rows = out;
	}
	entry_emit(run, entry, rows, count);
}

/* ---- indexes ---- */

static bool same_value(const struct value *value, const struct value *wanted)
{
	if (wanted->type == VALUE_STRING)
		return value->type == VALUE_STRING && value->length == wanted->length &&
		       (value->length == 0 ||
			memcmp(value->as.text, wanted->as.text, value->length) == 0);
	return order_values(value, wanted) == ORDER_EQUAL;
}

/* The bucket of a value, or SET_NONE. */
static uint32_t bucket_find(const struct index_state *state, const struct set_index *index,
			    const struct value *value, uint64_t hash)
{
	for (uint32_t at = (uint32_t)hash;; at++) {
		uint64_t slot = state->slots[at & state->slot_mask];

		if (slot == 0)
			return SET_NONE;
		if ((slot ^ hash) >> 32 == 0 &&
		    same_value(value, &index->buckets[(uint32_t)slot - 1].value))
			return (uint32_t)slot - 1;
	}
}

static void bucket_add_row(struct filter_set_scratch *scratch, struct index_state *state,
			   uint32_t bucket, uint16_t row)
{
	if (state->is_touched[bucket]) {
		scratch->next[state->last[bucket]] = row;
	} else {
		state->is_touched[bucket] = true;
		state->touched[state->touched_count++] = bucket;
		state->first[bucket] = row;
	}
	state->last[bucket] = row;
}

static void index_find(const struct set_run *run, const struct set_index *index,
		       struct index_state *state, const struct set_rows *in)
{
	const struct value *column = run->batch->columns[index->column];
	const uint64_t *hashes = NULL;

	/* Few rows are hashed one by one, unless grouping has done it for all. */
	if (in->count >= run->batch->row_count / SPARSE_RATIO ||
	    run->hashes->is_known[index->column])
		hashes = column_hashes_get(run->hashes, run->batch, index->column);
	for (uint32_t i = 0; i < in->count; i++) {
		uint16_t row = in->rows[i];
		uint64_t hash = hashes != NULL
					? hashes[row]
					: dimension_value_hash(run->scratch->seed, &column[row]);
		uint32_t bucket = bucket_find(state, index, &column[row], hash);

		if (bucket != SET_NONE)
			bucket_add_row(run->scratch, state, bucket, row);
	}
}

/* An entry with several values gets its rows when all buckets are known. */
static void bucket_keep_multi(const struct set_run *run, const struct set_entry *entry,
			      const struct set_rows *in, uint32_t *multi_count)
{
	struct filter_set_scratch *scratch = run->scratch;

	if (!scratch->is_multi_touched[entry->multi]) {
		scratch->is_multi_touched[entry->multi] = true;
		scratch->multi_touched[(*multi_count)++] = (uint32_t)(entry - run->set->entries);
	}
	for (uint32_t i = 0; i < in->count; i++)
		mask_add(&scratch->multi_rows[entry->multi], in->rows[i]);
}

static void bucket_run(const struct set_run *run, const struct set_bucket *bucket,
		       const struct index_state *state, uint32_t number, uint32_t *multi_count)
{
	struct filter_set_scratch *scratch = run->scratch;
	uint16_t row = state->first[number];
	struct set_rows in = {scratch->bucket_rows, 0, NULL};
	struct mask mask;

	for (;; row = scratch->next[row]) {
		scratch->bucket_rows[in.count++] = row;
		if (row == state->last[number])
			break;
	}
	if (in.count > FEW_ROWS) {
		mask = (struct mask){{0}};
		for (uint32_t i = 0; i < in.count; i++)
			mask_add(&mask, in.rows[i]);
		in.mask = &mask;
	}
	for (uint32_t i = 0; i < bucket->entry_count; i++) {
		const struct set_entry *entry = &run->set->entries[bucket->entries[i]];

		if (entry->multi == SET_NONE)
			entry_run(run, entry, &in);
		else
			bucket_keep_multi(run, entry, &in, multi_count);
	}
}

static void multi_run(const struct set_run *run, uint32_t multi_count)
{
	struct filter_set_scratch *scratch = run->scratch;

	for (uint32_t i = 0; i < multi_count; i++) {
		const struct set_entry *entry = &run->set->entries[scratch->multi_touched[i]];
		struct mask *mask = &scratch->multi_rows[entry->multi];
		struct set_rows in = {scratch->bucket_rows, mask_rows(mask, scratch->bucket_rows),
				      mask};

		if (in.count <= FEW_ROWS)
			in.mask = NULL;
		entry_run(run, entry, &in);
		*mask = (struct mask){{0}};
		scratch->is_multi_touched[entry->multi] = false;
	}
}

static void index_run(const struct set_run *run, const struct set_index *index,
		      const struct set_rows *in)
{
	struct index_state *state = &run->scratch->indexes[index->number];
	uint32_t multi_count = 0;

	index_find(run, index, state, in);
	for (uint32_t i = 0; i < state->touched_count; i++) {
		uint32_t number = state->touched[i];

		bucket_run(run, &index->buckets[number], state, number, &multi_count);
		state->is_touched[number] = false;
	}
	state->touched_count = 0;
	multi_run(run, multi_count);
}

static void scope_run(const struct set_run *run, const struct set_scope *scope)
{
	struct filter_set_scratch *scratch = run->scratch;
	struct mask mask = mask_of_first(run->batch->row_count);
	struct set_rows in = {scratch->scope_rows, 0, &mask};

	if (scope->entry_count == 0 && scope->index_count == 0)
		return;
	if (scope->guard != SET_NONE)
		term_mask(run, &run->set->terms[scope->guard], &mask);
	in.count = mask_rows(&mask, scratch->scope_rows);
	if (in.count == 0)
		return;
	if (in.count <= FEW_ROWS)
		in.mask = NULL;
	for (uint32_t i = 0; i < scope->entry_count; i++)
		entry_run(run, &run->set->entries[scope->entries[i]], &in);
	for (uint32_t i = 0; i < scope->index_count; i++)
		index_run(run, &scope->indexes[i], &in);
}

void filter_set_run(struct filter_set_scratch *scratch, const struct batch *batch,
		    struct column_hashes *hashes, filter_set_each *each, void *arg)
{
	const struct filter_set *set = scratch->set;
	struct set_run run = {set, scratch, batch, hashes, each, arg};

	REQUIRE(batch->row_count <= BATCH_ROWS_MAX);
	REQUIRE(batch->column_count >= set->batch_columns);
	REQUIRE(hashes->seed == scratch->seed);
	scratch->batch_number++;
	for (uint32_t i = 0; i < set->scope_count && batch->row_count > 0; i++)
		scope_run(&run, &set->scopes[i]);
}
