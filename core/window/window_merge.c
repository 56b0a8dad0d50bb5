/* Deltas into panes: one, or all the groups of a bundle's table. */
#include "core/window/window_internal.h"

#include "core/base/err.h"
#include "core/window/group_table.h"

static bool is_empty(const struct window *window, const struct aggregate *aggregates)
{
	for (uint32_t i = 0; i < window->shape.width; i++)
		if (aggregates[i].count > 0)
			return false;
	return true;
}

static int merge(struct window *window, int64_t number, uint32_t hash, struct slice key,
		 const struct aggregate *delta)
{
	uint32_t ref = window_put_key(window, hash, key);

	if (ref == WINDOW_KEY_NONE) {
		window_refuse(window, number, delta->count);
		return ERR_FULL;
	}
	if (number < window->covered)
		window_stacks_touch(window, ref, number);
	pane_merge(window_put_pane(window, ref, number), &window->shape, delta);
	if (number < window->lines_number)
		window_drop_late_lines(window, ref, number);
	return 0;
}

int window_merge(struct window *window, int64_t start_ms, struct slice key,
		 const struct aggregate *delta)
{
	if (is_empty(window, delta))
		return 0;
	return merge(window, window_number(window, start_ms),
		     (uint32_t)group_key_hash(window->options.seed, key), key, delta);
}

/* What the next groups will read is fetched meanwhile, in steps, for each needs what the one before
 * brought: slot, record, newest pane.
 *
 *     group    i + 12      i + 8         i + 4        i
 *              its slot    its record    its pane     is merged
 */
enum { MERGE_BATCH = 64, MERGE_STEP = 4 };

struct merge_run {
	struct window *window;
	const struct group_table *table;
	struct window_merged *out;
	int64_t start_ms, number; /**< of the group before: mostly of this one too */
	bool is_marked;
	const struct group *groups[MERGE_BATCH];
	int64_t numbers[MERGE_BATCH];
	uint32_t hashes[MERGE_BATCH];
	uint32_t refs[MERGE_BATCH]; /**< guesses */
	uint32_t count;
};

static void fetch_record(struct merge_run *run, uint32_t index)
{
	const struct window_keys *keys = &run->window->keys;

	run->refs[index] = window_keys_guess(keys, run->hashes[index]);
	if (run->refs[index] != WINDOW_KEY_NONE)
		__builtin_prefetch(window_keys_at(keys, run->refs[index]));
}

static void fetch_pane(const struct merge_run *run, uint32_t index)
{
	const struct window *window = run->window;

	if (run->refs[index] != WINDOW_KEY_NONE)
		window_fetch(window, window_keys_at(&window->keys, run->refs[index]), 1);
}

static void merge_group(struct merge_run *run, uint32_t index)
{
	const struct group *group = run->groups[index];

	if (merge(run->window, run->numbers[index], run->hashes[index],
		  group_key(run->table, group), group->aggregates) == 0 &&
	    group->start_ms < run->out->first_ms)
		run->out->first_ms = group->start_ms;
}

static void merge_batch(struct merge_run *run)
{
	for (uint32_t i = 0; i < run->count + 3 * MERGE_STEP; i++) {
		/* Unsigned: below the first group it is a large number. */
		if (i < run->count && run->window->keys.slot_count > 0)
			window_keys_prefetch_slot(&run->window->keys, run->hashes[i]);
		if (i - MERGE_STEP < run->count)
			fetch_record(run, i - MERGE_STEP);
		if (i - 2 * MERGE_STEP < run->count)
			fetch_pane(run, i - 2 * MERGE_STEP);
		if (i - 3 * MERGE_STEP < run->count)
			merge_group(run, i - 3 * MERGE_STEP);
	}
	run->count = 0;
}

static bool is_marked(struct merge_run *run, int64_t start_ms)
{
	if (start_ms != run->start_ms) {
		run->start_ms = start_ms;
		run->number = window_number(run->window, start_ms);
		run->is_marked = run->number * run->window->pane_ms != start_ms;
	}
	return run->is_marked;
}

void window_merge_table(struct window *window, const struct group_table *table, int64_t from_ms,
			struct window_merged *out)
{
	struct merge_run run = {.window = window, .table = table, .out = out};
	bool has_hashes = table->seed == window->options.seed;
	const struct group *group;
	size_t at = 0;

	*out = (struct window_merged){.first_ms = INT64_MAX};
	while ((group = group_table_next(table, &at)) != NULL) {
		if (is_marked(&run, group->start_ms))
			continue;
		if (group->start_ms < from_ms) {
			out->late_count += group->aggregates->count;
			continue;
		}
		run.groups[run.count] = group;
		run.numbers[run.count] = run.number;
		run.hashes[run.count++] =
			(uint32_t)(has_hashes ? group->key_hash
					      : group_key_hash(window->options.seed,
							       group_key(table, group)));
		if (run.count == MERGE_BATCH)
			merge_batch(&run);
	}
	merge_batch(&run);
}
