/* The day so far: every pane of it is merged into the cells of its key, and when the day is over
 * the value of an average window is kept. What a boundary brought is a row ('p') until then, so a
 * restart merges the same in the same order.
 *
 * Readings that come after their pane was merged are not in the day, as they are not in the windows
 * that were judged. */
#include "core/engine/engine_history.h"

#include "core/base/mem.h"
#include "core/baseline/history_row.h"
#include "core/model/cells.h"
#include "core/model/local_day.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"
#include "core/window/window.h"

#include <math.h>
#include <string.h>

struct day_add {
	const struct evaluation *evaluation;
	struct engine_history *history;
	const struct cell_layout *layout;
	struct bytes *part; /**< NULL: it is not stored */
};

static struct aggregate *cells_at(const struct engine_history *history,
				  const struct cell_layout *layout, uint32_t id)
{
	return (struct aggregate *)(void *)(history->day_cells + (size_t)id * layout->bytes);
}

static struct aggregate *cells_of_key(struct engine_history *history,
				      const struct cell_layout *layout, struct slice key)
{
	bool is_new;
	uint32_t id = key_table_put(&history->day_keys, key, &is_new);

	if (id >= history->day_capacity) {
		history->day_capacity = history->day_capacity == 0 ? 16 : 2 * history->day_capacity;
		history->day_cells =
			mem_grow(history->day_cells, history->day_capacity, layout->bytes);
	}
	if (is_new)
		memset(cells_at(history, layout, id), 0, layout->bytes);
	return cells_at(history, layout, id);
}

static void clear_day(struct engine_history *history, const struct cell_layout *layout)
{
	for (uint32_t id = 0; id < history->day_keys.count; id++)
		cells_release(layout, cells_at(history, layout, id), NULL);
	key_table_clear(&history->day_keys);
}

void engine_history_free_days(struct engine_history *history)
{
	clear_day(history, &history->layout);
	key_table_deinit(&history->day_keys);
	mem_free(history->day_cells);
}

/* ---- parts ---- */

static void append_part(struct bytes *part, struct slice key, const struct cell_layout *layout,
			const struct aggregate *cells)
{
	bytes_append_be32(part, (uint32_t)key.length);
	bytes_append_slice(part, key);
	for (uint32_t i = 0; i < layout->width; i++) {
		aggregate_encode(&cells[i], part);
		if (layout->has_extras)
			cells_encode_extras(layout, cells, i, part);
	}
}

static void add_key(void *arg, struct slice key, const struct aggregate *cells)
{
	struct day_add *add = arg;

	if (!engine_is_watchable(add->evaluation->state->rule, key))
		return;
	cells_merge(add->layout, cells_of_key(add->history, add->layout, key), cells, NULL);
	if (add->part != NULL)
		append_part(add->part, key, add->layout, cells);
}

static bool read_part(struct engine_history *history, const struct cell_layout *layout,
		      struct byte_reader *reader)
{
	struct cell_total cells;
	struct slice key = byte_reader_bytes(reader, byte_reader_be32(reader));
	bool is_good = !reader->has_failed;

	memset(&cells, 0, sizeof(cells));
	for (uint32_t i = 0; is_good && i < layout->width; i++)
		is_good = aggregate_decode(reader, &cells.aggregates[i]) == 0 &&
			  (!layout->has_extras ||
			   cells_decode_extras(layout, reader, i, cells.aggregates, NULL) == 0);
	if (is_good)
		cells_merge(layout, cells_of_key(history, layout, key), cells.aggregates, NULL);
	cells_release(layout, cells.aggregates, NULL);
	return is_good;
}

struct load {
	struct engine_history *history;
	const struct cell_layout *layout;
};

static bool load_part(void *arg, struct slice name, struct slice content)
{
	struct load *load = arg;
	struct byte_reader key = byte_reader_of(name), reader = byte_reader_of(content);
	int64_t end_ms = (int64_t)(byte_reader_be64(&key) ^ 1ull << 63);

	while (reader.left > 0)
		if (!read_part(load->history, load->layout, &reader))
			return false;
	load->history->added_ms = end_ms;
	return !key.has_failed && !reader.has_failed;
}

bool engine_history_load_days(struct engine *engine, const struct rule_state *state)
{
	struct load load = {state->history, &state->history->layout};

	return engine_history_scan(engine, state->rule->name, HISTORY_PART, load_part, &load);
}

/* ---- days ---- */

/** What a window of the day had: its share of what is counted or summed, else the day's value. */
static bool average_window(const struct rule_state *state, const struct aggregate *cells,
			   int64_t day_ms, struct history_entry *out)
{
	const struct rule *rule = state->rule;
	enum statistic statistic = measure_statistic(&rule->measure);
	double share = (double)rule->window_ms / (double)day_ms;

	if (!measure_value(&state->metric->metric->cells, cells, &rule->measure, day_ms,
			   &out->value))
		return false;
	if (statistic == STATISTIC_COUNT || statistic == STATISTIC_SUM)
		out->value *= share;
	out->samples = (uint64_t)llround((double)cells->count * share);
	return isfinite(out->value);
}

static void close_day(const struct evaluation *evaluation, int64_t day)
{
	const struct rule_state *state = evaluation->state;
	struct engine_history *history = state->history;
	const struct cell_layout *layout = &state->metric->metric->cells;
	int64_t start_ms = local_day_start_ms(history->zone, day);
	int64_t end_ms = local_day_start_ms(history->zone, day + 1);
	struct bytes row = BYTES_EMPTY;
	struct history_entry entry;

	/* Of a day that was not watched whole nobody knows what is missing. */
	for (uint32_t id = 0; history->begin_ms <= start_ms && id < history->day_keys.count; id++) {
		entry.key = key_table_key(&history->day_keys, id);
		if (average_window(state, cells_at(history, layout, id), end_ms - start_ms, &entry))
			history_row_add(&row, &entry);
	}
	if (row.length > 0)
		engine_history_keep(evaluation->engine, state->rule->name, &history->days, day,
				    bytes_slice(&row));
	if (history->day_keys.count > 0)
		engine_history_delete_before(evaluation->engine, state->rule->name, HISTORY_PART,
					     INT64_MAX);
	clear_day(history, layout);
	bytes_deinit(&row);
}

static void add_span(const struct evaluation *evaluation, int64_t to_ms)
{
	const struct rule_state *state = evaluation->state;
	struct engine_history *history = state->history;
	bool is_stored = evaluation->engine->options.commit != NULL;
	struct day_add add = {evaluation, history, &state->metric->metric->cells,
			      is_stored ? &history->part : NULL};

	bytes_clear(&history->part);
	window_each(state->metric->window, history->added_ms, to_ms, add_key, &add);
	if (history->part.length > 0)
		engine_history_put_at(evaluation->engine, state->rule->name, HISTORY_PART, to_ms,
				      bytes_slice(&history->part));
	history->added_ms = to_ms;
}

void engine_history_add_days(const struct evaluation *evaluation)
{
	struct engine_history *history = evaluation->state->history;
	int64_t boundary_ms = evaluation->boundary_ms;

	if (history->added_ms == TIME_NONE || history->added_ms < history->begin_ms)
		history->added_ms = history->begin_ms;
	while (history->added_ms < boundary_ms) {
		int64_t day = local_day_of(history->zone, history->added_ms);
		int64_t end_ms = local_day_start_ms(history->zone, day + 1);

		if (history->day_keys.count == 0 && end_ms < evaluation->from_ms) {
			/* Nothing of it is there: a gap of a year is not walked through. */
			history->added_ms = local_day_start_ms(
				history->zone, local_day_of(history->zone, evaluation->from_ms));
			continue;
		}
		add_span(evaluation, end_ms < boundary_ms ? end_ms : boundary_ms);
		if (end_ms <= boundary_ms)
			close_day(evaluation, day);
	}
}
