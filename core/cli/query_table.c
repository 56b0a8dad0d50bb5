#include "core/cli/query_table.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/cli/query_having.h"
#include "core/cli/query_slide.h"
#include "core/cli/query_sort.h"
#include "core/model/cells.h"
#include "core/window/group_table.h"

enum { ROWS_AHEAD = 8 };

struct query_table {
	struct query_table_options options;
	struct group_table groups;
	int64_t left_before_ms; /**< groups that start before it have left */
	struct slide *slide;    /**< NULL: windows do not overlap */
	int64_t slide_end_ms;   /**< of the last window that left */
	struct query_sorter *sorter;
	const struct group **leaving; /**< groups on their way into the slide */
	uint32_t leaving_capacity;
	struct query_row *rows;
	uint32_t row_count;
	uint32_t row_capacity;
	char *totals; /**< cells [row_capacity] of a slide's rows */
};

struct query_table *query_table_new(const struct query_table_options *options)
{
	struct query_table *table = mem_alloc(sizeof(*table));
	table->options = *options;
	table->left_before_ms = INT64_MIN;
	table->sorter = query_sorter_new();
	group_table_init(&table->groups, options->layout, 0);
	if (options->pane_count > 1)
		table->slide = slide_new(options->layout, options->step_ms, options->pane_count);
	return table;
}

void query_table_free(struct query_table *table)
{
	if (!table)
		return;
	group_table_deinit(&table->groups);
	slide_free(table->slide);
	query_sorter_free(table->sorter);
	mem_free(table->leaving);
	mem_free(table->rows);
	mem_free(table->totals);
	mem_free(table);
}

void query_table_swap(struct query_table *table, struct group_table *deltas)
{
	struct group_table swapped = table->groups;
	table->groups = *deltas;
	*deltas = swapped;
}

uint32_t query_table_group_count(const struct query_table *table)
{
	return table->groups.count;
}

bool query_table_has_left(const struct query_table *table, int64_t before_ms)
{
	return before_ms > table->left_before_ms;
}

/* ---- rows ---- */

static struct query_row *row_add(struct query_table *table)
{
	if (table->row_count == table->row_capacity) {
		table->row_capacity = table->row_capacity ? table->row_capacity * 2 : 64;
		table->rows = mem_grow(table->rows, table->row_capacity, sizeof(*table->rows));
		if (table->slide)
			table->totals = mem_grow(table->totals, table->row_capacity,
						 table->options.layout->bytes);
	}
	return &table->rows[table->row_count++];
}

static void rows_emit(struct query_table *table,
		      void (*each)(void *arg, const struct query_row *row), void *arg)
{
	const uint32_t *order = query_sort(table->sorter, table->rows, table->row_count);
	for (uint32_t i = 0; i < table->row_count; i++) {
		/* Rows in order are anywhere in memory, and so are their groups. */
		if (i + 2 * ROWS_AHEAD < table->row_count) {
			const struct query_row *ahead = &table->rows[order[i + ROWS_AHEAD]];
			__builtin_prefetch(&table->rows[order[i + 2 * ROWS_AHEAD]]);
			__builtin_prefetch(ahead->cells);
			__builtin_prefetch(ahead->key.data);
		}
		each(arg, &table->rows[order[i]]);
	}
	table->row_count = 0;
}

/* ---- windows that do not overlap ---- */

static uint64_t emit_groups(struct query_table *table, int64_t before_ms)
{
	const struct group *group;
	uint64_t lost_count = 0;
	for (size_t at = 0; (group = group_table_next(&table->groups, &at)) != NULL;) {
		if (group->start_ms < table->left_before_ms)
			lost_count += group->aggregates->count;
		else if (group->start_ms < before_ms &&
			 query_having_holds(table->options.having, table->options.layout,
					    group->aggregates))
			*row_add(table) = (struct query_row){
				.start_ms = group->start_ms,
				.key = group_key(&table->groups, group),
				.cells = group->aggregates,
			};
	}
	return lost_count;
}

/* ---- windows that overlap ---- */

static int start_compare(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;
	return ((*x)->start_ms > (*y)->start_ms) - ((*x)->start_ms < (*y)->start_ms);
}

/** The groups that leave, in order of their panes. */
static uint32_t collect_leaving(struct query_table *table, int64_t before_ms, uint64_t *lost_count)
{
	const struct group *group;
	uint32_t count = 0;
	bool is_sorted = true;
	if (table->leaving_capacity < table->groups.count) {
		table->leaving_capacity = table->groups.count;
		mem_free(table->leaving);
		table->leaving = mem_alloc_array(table->leaving_capacity, sizeof(struct group *));
	}
	for (size_t at = 0; (group = group_table_next(&table->groups, &at)) != NULL;) {
		if (group->start_ms < table->left_before_ms) {
			*lost_count += group->aggregates->count;
		} else if (group->start_ms < before_ms) {
			is_sorted = is_sorted &&
				    (count == 0 ||
				     table->leaving[count - 1]->start_ms <= group->start_ms);
			table->leaving[count++] = group;
		}
	}
	if (!is_sorted)
		qsort(table->leaving, count, sizeof(*table->leaving), start_compare);
	return count;
}

static struct aggregate *total_of(const struct query_table *table, uint32_t row)
{
	return (struct aggregate *)(void *)(table->totals +
					    (size_t)row * table->options.layout->bytes);
}

/** The rows of the window at hand. */
static void collect_slide(struct query_table *table, int64_t start_ms)
{
	const struct cell_layout *layout = table->options.layout;
	uint32_t at = 0, count = 0;
	struct slice key;
	for (;;) {
		struct query_row *row = row_add(table);
		if (!slide_next(table->slide, &at, &key, total_of(table, count)))
			break;
		*row = (struct query_row){.start_ms = start_ms, .key = key};
		if (query_having_holds(table->options.having, layout, total_of(table, count)))
			count++;
		else
			cells_release(layout, total_of(table, count), NULL);
		table->row_count = count;
	}
	table->row_count = count;
	for (uint32_t i = 0; i < count; i++)
		table->rows[i].cells = total_of(table, i);
}

static void emit_slide_rows(struct query_table *table,
			    void (*each)(void *arg, const struct query_row *row), void *arg)
{
	uint32_t count = table->row_count;
	rows_emit(table, each, arg);
	for (uint32_t i = 0; i < count; i++)
		cells_release(table->options.layout, total_of(table, i), NULL);
}

static uint64_t emit_slide(struct query_table *table, int64_t before_ms,
			   void (*each)(void *arg, const struct query_row *row), void *arg)
{
	int64_t step_ms = table->options.step_ms;
	uint64_t lost_count = 0;
	uint32_t count = collect_leaving(table, before_ms, &lost_count), next = 0;
	for (;;) {
		const struct group *group = next < count ? table->leaving[next] : NULL;
		if (slide_key_count(table->slide) > 0)
			table->slide_end_ms += step_ms;
		else if (group)
			table->slide_end_ms = group->start_ms + step_ms;
		else
			break;
		if (table->slide_end_ms > before_ms) {
			table->slide_end_ms -= step_ms;
			break;
		}
		int64_t pane_ms = table->slide_end_ms - step_ms;
		slide_move(table->slide, pane_ms);
		for (; next < count && table->leaving[next]->start_ms == pane_ms; next++)
			slide_add(table->slide, table->leaving[next]->key_hash,
				  group_key(&table->groups, table->leaving[next]),
				  table->leaving[next]->aggregates);
		collect_slide(table, table->slide_end_ms - step_ms * table->options.pane_count);
		emit_slide_rows(table, each, arg);
	}
	return lost_count;
}

uint64_t query_table_emit(struct query_table *table, int64_t before_ms,
			  void (*each)(void *arg, const struct query_row *row), void *arg)
{
	uint64_t lost_count;
	if (table->slide) {
		lost_count = emit_slide(table, before_ms, each, arg);
	} else {
		lost_count = emit_groups(table, before_ms);
		rows_emit(table, each, arg);
	}
	group_table_forget_before(&table->groups, before_ms);
	table->left_before_ms = before_ms;
	return lost_count;
}
