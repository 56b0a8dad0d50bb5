#include "core/engine/engine_script.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/engine/engine_judge.h"
#include "core/ingest/intake.h"
#include "core/lookup/key_filter.h"
#include "core/model/dimension.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"

#include <string.h>

/* ---- which rules ---- */

void engine_index_readers(struct engine *engine, struct engine_source *source)
{
	engine->has_memories = false;
	for (uint32_t i = 0; i < engine->rule_count; i++)
		engine->has_memories |= engine->rules[i]->memory != NULL;
	source->reader_count = 0;
	source->judges_panes = false;
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct rule_state *state = engine->rules[i];

		if (state->metric->source != source || !engine_is_reader(state->rule))
			continue;
		source->readers = mem_grow(source->readers, source->reader_count + 1,
					   sizeof(struct rule_state *));
		source->readers[source->reader_count++] = state;
		source->judges_panes |= engine_has_windows(state->rule);
	}
}

/* ---- time ---- */

static int64_t own_watermark(const struct reading_walk *walk, int64_t event_ms)
{
	return event_ms == TIME_NONE ? TIME_NONE : event_ms - walk->partition->source->lateness_ms;
}

/** Of the source, when the partition has come so far. */
static int64_t watermark_at(const struct reading_walk *walk, int64_t event_ms)
{
	int64_t reached_ms = own_watermark(walk, event_ms);

	if (walk->others_ms < reached_ms)
		reached_ms = walk->others_ms;
	return reached_ms > walk->partition->source->watermark_ms
		       ? reached_ms
		       : walk->partition->source->watermark_ms;
}

static int64_t pane_of(int64_t watermark_ms)
{
	return watermark_ms == TIME_NONE ? TIME_NONE : span_floor(watermark_ms, PANE_MS);
}

void engine_walk_begin(struct reading_walk *walk, struct engine *engine,
		       struct engine_partition *partition, const struct bundle *bundle,
		       int64_t now_mono_ms)
{
	struct engine_source *source = partition->source;
	uint32_t number = (uint32_t)(partition - engine->partitions);

	*walk = (struct reading_walk){
		.engine = engine,
		.partition = partition,
		.bundle = bundle,
		.now_mono_ms = now_mono_ms,
		.event_ms = partition->max_event_ms,
		.others_ms = INT64_MAX,
		.judges_panes = source->judges_panes,
	};
	if (source->reader_count == 0 || bundle->batch_count == 0) {
		walk->batch = bundle->batch_count;
		return;
	}
	walk->others_ms = watermark_of_others(source->watermark, number, now_mono_ms);
	walk->floor_ms = pane_of(own_watermark(walk, walk->event_ms));
}

/* ---- readings of one rule ---- */

/** Some rows of a batch and one rule. */
struct reading_run {
	const struct reading_walk *walk;
	struct rule_state *state;
	const struct batch *batch;
	const int64_t *events; /**< [row] greatest event time before the row */
	const struct value *by[DIMENSION_FIELDS_MAX];
	const uint16_t *rows;
	uint32_t row_count;
	int64_t watermark_ms; /**< at the row that is asked about */
	struct bytes key;
	struct rule_call call;
};

static bool is_watched(const struct rule *rule, struct slice key)
{
	return rule->key_filter == NULL || key_filter_passes(rule->key_filter, key);
}

static void read_key(struct reading_run *run, uint32_t row)
{
	bytes_clear(&run->key);
	for (uint32_t i = 0; i < run->state->rule->by_count; i++)
		dimension_append(&run->key, &run->by[i][row]);
	run->call.key = bytes_slice(&run->key);
	run->call.time_ms = run->batch->time_ms[row];
}

/** A rule_walk's. Timers that the watermark has passed by the lines before come first. */
static struct rule_call *begin_row(void *arg, uint32_t row)
{
	struct reading_run *run = arg;

	run->watermark_ms = watermark_at(run->walk, run->events[row]);
	if (engine_next_due(run->state) <= run->watermark_ms)
		return NULL;
	read_key(run, row);
	script_memory_load(script_memory_find(run->state->memory, run->call.key, run->watermark_ms),
			   &run->call.memory);
	return &run->call;
}

static void end_row(void *arg, struct rule_call *call, enum rule_answer answer,
		    const struct rule_verdict *verdict)
{
	struct reading_run *run = arg;
	struct rule_state *state = run->state;

	state->errors_in_row = 0;
	if (call->memory.has_new_state || call->memory.has_new_timers)
		state->is_settled = false;
	if (script_memory_keep(state->memory, call, true, run->watermark_ms))
		engine_answer(run->walk->engine, state, call, answer, verdict, run->watermark_ms);
	engine_note_refused(run->walk->engine, state, call->time_ms, run->watermark_ms);
}

/** A batch may use up so many budgets, as a filter function may (engine_script.c). */
enum { READING_BUDGETS_MAX = 4 };

static void ask(struct reading_run *run, const struct rule_readings *readings)
{
	struct engine *engine = run->walk->engine;
	struct rule_state *state = run->state;
	struct rule_runner *runner = state->rule->runner;
	const struct rule_walk walk = {begin_row, end_row, run};
	uint32_t done = 0, budgets = 1;

	while (done < run->row_count && !state->is_quarantined) {
		struct err_note why = {0};
		uint32_t from = done, row = run->rows[done];
		int code;

		engine_run_timers(engine, state, watermark_at(run->walk, run->events[row]));
		engine_script_begins(engine, state->rule,
				     (uint64_t)readings->time_ms[row] ^ (uint64_t)row << 48);
		code = runner->ops->on_reading(runner, readings, run->rows, run->row_count, &walk,
					       &done, &why);
		engine_script_ends(engine);
		if (code == 0)
			continue;
		if (code == ERR_BUDGET && done > from && budgets++ < READING_BUDGETS_MAX)
			continue;
		engine_count_script_error(engine, state, code, &why);
		done++;
	}
}

static void run_script(struct reading_run *run)
{
	const struct rule *rule = run->state->rule;
	const struct value *columns[METRIC_READS_MAX];
	struct rule_readings readings = {
		.time_ms = run->batch->time_ms,
		.columns = columns,
		.names = (const char *const *)rule->reads,
		.column_count = rule->read_count,
		.row_count = run->batch->row_count,
	};

	for (uint32_t i = 0; i < readings.column_count; i++)
		columns[i] =
			engine_column_of(run->walk->bundle->intake, run->batch, readings.names[i]);
	ask(run, &readings);
}

/** The last field of the dimension is the watched one. */
static void run_streak(struct reading_run *run)
{
	struct rule_state *state = run->state;
	uint32_t fields = state->rule->by_count - 1;

	for (uint32_t i = 0; i < run->row_count; i++) {
		uint32_t row = run->rows[i];
		int64_t watermark_ms = watermark_at(run->walk, run->events[row]);
		struct slice key, value;

		engine_run_timers(run->walk->engine, state, watermark_ms);
		bytes_clear(&run->key);
		for (uint32_t k = 0; k < fields; k++)
			dimension_append(&run->key, &run->by[k][row]);
		key.length = run->key.length;
		dimension_append(&run->key, &run->by[fields][row]);
		key.data = run->key.data;
		value = (struct slice){key.data + key.length, run->key.length - key.length};
		engine_streak_read(run->walk->engine, state, key, value, run->batch->time_ms[row],
				   watermark_ms);
		engine_note_refused(run->walk->engine, state, run->batch->time_ms[row],
				    watermark_ms);
	}
}

/** The rule's place in the bundle, or -1: a bundle from before the rule came. */
static int keeper_of(const struct bundle *bundle, const struct metric *metric)
{
	const struct intake *intake = bundle->intake;

	for (uint32_t i = 0; i < intake->metric_count; i++)
		if (memcmp(&intake->metrics[i].metric->id, &metric->id, sizeof(metric->id)) == 0)
			return intake->metrics[i].keeper;
	return -1;
}

/** Rows of `rows` within the piece of the batch and of keys that the rule watches. */
static uint32_t choose_rows(struct reading_run *run, uint16_t *rows, uint32_t count, uint32_t from,
			    uint32_t to)
{
	uint32_t chosen = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (rows[i] < from || rows[i] >= to)
			continue;
		if (run->state->rule->key_filter != NULL) {
			read_key(run, rows[i]);
			if (!is_watched(run->state->rule, run->call.key))
				continue;
		}
		rows[chosen++] = rows[i];
	}
	return chosen;
}

static void run_rule(const struct reading_walk *walk, struct rule_state *state,
		     const int64_t *events, uint32_t from, uint32_t to)
{
	int keeper = keeper_of(walk->bundle, state->metric->metric);
	struct reading_run run = {
		.walk = walk,
		.state = state,
		.batch = walk->bundle->batches[walk->batch],
		.events = events,
		.call = {.by = (const char *const *)state->rule->by,
			 .by_count = state->rule->by_count},
	};
	uint16_t rows[BATCH_ROWS_MAX];

	if (keeper < 0 || state->is_quarantined)
		return;
	for (uint32_t i = 0; i < state->rule->by_count; i++)
		run.by[i] = engine_column_of(walk->bundle->intake, run.batch, state->rule->by[i]);
	run.row_count = bundle_marked_rows(walk->bundle, walk->batch, (uint32_t)keeper, rows);
	run.row_count = choose_rows(&run, rows, run.row_count, from, to);
	run.rows = rows;
	if (state->rule->streak > 0)
		run_streak(&run);
	else if (run.row_count > 0)
		run_script(&run);
	bytes_deinit(&run.key);
}

/* ---- all of them, piece by piece ---- */

/** events[i]: greatest event time before row i; [row_count]: after the batch. */
static void find_events(const struct reading_walk *walk, int64_t *events)
{
	const struct batch *batch = walk->bundle->batches[walk->batch];
	int64_t event_ms = walk->event_ms, most_ms = walk->bundle->max_event_ms;

	for (uint32_t i = 0; i < batch->row_count; i++) {
		int64_t time_ms = batch->time_ms[i];

		events[i] = event_ms;
		/* A reading from the future counts at the time it came, and brings nothing. */
		if (time_ms > event_ms && time_ms <= most_ms)
			event_ms = time_ms;
	}
	events[batch->row_count] = event_ms;
}

/** The first row from `row` on at which the partition has reached another pane. */
static uint32_t find_crossing(const struct reading_walk *walk, const int64_t *events)
{
	uint32_t count = walk->bundle->batches[walk->batch]->row_count, row = walk->row;

	if (!walk->judges_panes)
		return count;
	while (row < count && pane_of(own_watermark(walk, events[row])) <= walk->floor_ms)
		row++;
	return row;
}

static void judge_crossing(struct reading_walk *walk)
{
	struct engine_source *source = walk->partition->source;

	walk->must_judge = false;
	watermark_observe(source->watermark, (uint32_t)(walk->partition - walk->engine->partitions),
			  walk->floor_ms + source->lateness_ms, walk->now_mono_ms);
	engine_judge_reached(walk->engine, source, walk->now_mono_ms);
}

void engine_walk_to(struct reading_walk *walk, int64_t mark_ms)
{
	const struct engine_source *source = walk->partition->source;

	if (walk->must_judge && walk->floor_ms < mark_ms)
		judge_crossing(walk);
	while (walk->batch < walk->bundle->batch_count && walk->floor_ms < mark_ms) {
		int64_t events[BATCH_ROWS_MAX + 1] = {0};
		uint32_t to;

		find_events(walk, events);
		to = find_crossing(walk, events);
		for (uint32_t i = 0; i < source->reader_count; i++)
			run_rule(walk, source->readers[i], events, walk->row, to);
		walk->row = to;
		if (to == walk->bundle->batches[walk->batch]->row_count) {
			walk->event_ms = events[to];
			walk->batch++;
			walk->row = 0;
			continue;
		}
		walk->floor_ms = pane_of(own_watermark(walk, events[to]));
		if (walk->floor_ms < mark_ms)
			judge_crossing(walk);
		else
			walk->must_judge = true;
	}
}
