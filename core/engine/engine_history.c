#include "core/engine/engine_history.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/baseline/history_row.h"
#include "core/config/config.h"
#include "core/model/local_day.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/rule/rule_history.h"
#include "core/window/metric.h"
#include "core/window/window.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <math.h>
#include <string.h>

/** A reference may be an hour farther away by the clock, and its window begins before. */
enum { KEEP_EXTRA_DAYS = 2 };

/* ---- a rule's history ---- */

static uint64_t definition_of(const struct engine *engine, const struct rule_state *state)
{
	return rule_history_definition(state->rule, state->metric->metric,
				       engine->config->timezone);
}

/** What the rule asks for; the rows are there or not. */
static void refer(struct engine *engine, const struct rule_state *state)
{
	struct engine_history *history = state->history;
	const struct rule *rule = state->rule;

	history->zone = engine->zone;
	history->references = rule_references(rule, &history->reference_count);
	history->leaves_out = rule->baseline != NULL ? rule->baseline->leaves_out : LEAVES_OUT_NONE;
	history->keeps_windows = rule_has_reference(rule, REFERENCE_SAME_TIME);
	history->keeps_days = rule_has_reference(rule, REFERENCE_DAYS);
	history->keep_days = rule_history_days(rule) + KEEP_EXTRA_DAYS;
	for (uint32_t i = 0; i < history->reference_count; i++)
		history->table_days[i] = INT64_MIN;
}

static struct engine_history *history_new(struct engine *engine, const struct rule_state *state)
{
	struct engine_history *history = mem_alloc(sizeof(*history));
	uint64_t seed = engine->options.seed;

	history->definition = definition_of(engine, state);
	history->layout = state->metric->metric->cells;
	history->begin_ms = TIME_NONE;
	history->last_ms = TIME_NONE;
	history->added_ms = TIME_NONE;
	history->windows = (struct history_rows){.kind = HISTORY_WINDOW, .dropped = TIME_NONE};
	history->days = (struct history_rows){.kind = HISTORY_DAY, .dropped = TIME_NONE};
	for (uint32_t i = 0; i < BASELINE_REFERENCES_MAX; i++)
		reference_table_init(&history->tables[i], seed);
	key_table_init(&history->day_keys, seed);
	key_table_init(&history->trend_keys, seed);
	key_table_init(&history->seen, seed);
	return history;
}

void engine_history_free(struct engine_history *history)
{
	if (history == NULL)
		return;
	engine_history_free_days(history);
	for (uint32_t i = 0; i < BASELINE_REFERENCES_MAX; i++)
		reference_table_deinit(&history->tables[i]);
	engine_history_free_left_out(history);
	engine_history_rows_free(&history->windows);
	engine_history_rows_free(&history->days);
	key_table_deinit(&history->trend_keys);
	key_table_deinit(&history->seen);
	mem_free(history->trends);
	bytes_deinit(&history->row);
	bytes_deinit(&history->part);
	mem_free(history);
}

/* ---- back from the store ---- */

static void put_begin(struct engine *engine, const struct rule_state *state)
{
	const struct engine_history *history = state->history;
	struct bytes row = BYTES_EMPTY;

	bytes_append_be64(&row, history->definition);
	bytes_append_be64(&row, (uint64_t)history->begin_ms);
	engine_history_put(engine, state->rule->name, HISTORY_BEGIN, (struct slice){"", 0},
			   bytes_slice(&row));
	bytes_deinit(&row);
}

struct load_begin {
	uint64_t definition;
	int64_t begin_ms;
};

static bool load_begin(void *arg, struct slice name, struct slice content)
{
	struct load_begin *load = arg;
	struct byte_reader reader = byte_reader_of(content);

	load->definition = byte_reader_be64(&reader);
	load->begin_ms = (int64_t)byte_reader_be64(&reader);
	return name.length == 0 && !reader.has_failed;
}

static bool load_history(struct engine *engine, struct rule_state *state)
{
	struct engine_history *history = state->history;
	const char *rule = state->rule->name;
	struct load_begin begin = {0, TIME_NONE};

	if (!engine_history_scan(engine, rule, HISTORY_BEGIN, load_begin, &begin) ||
	    begin.begin_ms == TIME_NONE || begin.definition != history->definition)
		return false;
	history->begin_ms = begin.begin_ms;
	/* It is not worth a row: whether something is there is found by looking. */
	history->last_ms = state->evaluated_ms;
	return (!history->keeps_days || engine_history_load_days(engine, state)) &&
	       (history->leaves_out == LEAVES_OUT_NONE ||
		engine_history_load_left_out(engine, state)) &&
	       (state->rule->trend == NULL || engine_trend_load(engine, state));
}

static void open_history(struct engine *engine, struct rule_state *state)
{
	struct engine_history *history = state->history;
	bool is_stored = engine->options.commit != NULL && !engine->is_restored;

	if (history != NULL && history->definition == definition_of(engine, state)) {
		refer(engine, state);
		return;
	}
	if (history != NULL)
		engine_history_drop(engine, state->rule->name);
	engine_history_free(history);
	state->history = history_new(engine, state);
	refer(engine, state);
	if (!is_stored || load_history(engine, state))
		return;
	/* Another definition, a damaged one, or none. */
	engine_history_drop(engine, state->rule->name);
	engine_history_free(state->history);
	state->history = history_new(engine, state);
	refer(engine, state);
}

struct orphans {
	struct engine *engine;
	char **names;
	uint32_t count;
};

static bool find_orphan(void *arg, struct slice name, struct slice content)
{
	struct orphans *orphans = arg;
	struct byte_reader reader = byte_reader_of(name);
	struct slice rule = key_read_text(&reader);

	(void)content;
	for (uint32_t i = 0; i < orphans->engine->rule_count; i++) {
		const struct rule *known = orphans->engine->rules[i]->rule;

		if (rule_has_history(known) && slice_equal(slice_of(known->name), rule))
			return true;
	}
	orphans->names = mem_grow(orphans->names, orphans->count + 1, sizeof(*orphans->names));
	orphans->names[orphans->count++] = mem_copy_bytes(rule.data, rule.length);
	return !reader.has_failed;
}

/** Of rules that went while nobody ran. */
static void drop_orphans(struct engine *engine)
{
	struct orphans orphans = {.engine = engine};

	engine_history_scan(engine, NULL, HISTORY_BEGIN, find_orphan, &orphans);
	for (uint32_t i = 0; i < orphans.count; i++) {
		engine_history_drop(engine, orphans.names[i]);
		mem_free(orphans.names[i]);
	}
	mem_free(orphans.names);
}

void engine_history_open_all(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct rule_state *state = engine->rules[i];

		if (rule_has_history(state->rule)) {
			open_history(engine, state);
		} else if (state->history != NULL) {
			engine_history_drop(engine, state->rule->name);
			engine_history_free(state->history);
			state->history = NULL;
		}
	}
	if (!engine->is_restored)
		drop_orphans(engine);
}

/* ---- a boundary ---- */

int64_t engine_history_next(const struct rule_state *state, int64_t first_ms)
{
	const struct engine_history *history = state->history;
	int64_t keep_ms = history->keep_days * LOCAL_DAY_MS;
	int64_t pane_ms, next_ms = INT64_MAX;

	/* While there are references, each boundary has others. */
	if (history->last_ms != TIME_NONE && first_ms - history->last_ms <= keep_ms)
		return first_ms;
	if (state->rule->valid_time != NULL && state->watched_count > 0)
		return first_ms;
	if (window_next_pane(state->metric->window, first_ms - state->rule->window_ms, &pane_ms))
		next_ms = engine_next_multiple(pane_ms, state->rule->every_ms);
	if (state->wake_ms != INT64_MAX && state->wake_ms < next_ms)
		next_ms = engine_next_multiple(state->wake_ms - 1, state->rule->every_ms);
	return next_ms > first_ms ? next_ms : first_ms;
}

static void forget_old(struct engine *engine, const struct rule_state *state, int64_t boundary_ms)
{
	struct engine_history *history = state->history;
	const char *rule = state->rule->name;
	int64_t first_day = local_day_of(history->zone, boundary_ms - 1) - history->keep_days;

	engine_history_forget(engine, rule, &history->windows,
			      local_day_start_ms(history->zone, first_day), LOCAL_DAY_MS / 24);
	engine_history_forget(engine, rule, &history->days, first_day, 1);
	engine_history_forget_left_out(engine, state, first_day);
}

void engine_history_prepare(const struct evaluation *evaluation)
{
	struct engine *engine = evaluation->engine;
	struct rule_state *state = evaluation->state;
	struct engine_history *history = state->history;
	int64_t judged_ms = evaluation->judged_ms;

	if (history->begin_ms == TIME_NONE) {
		history->begin_ms = judged_ms != TIME_NONE
					    ? judged_ms
					    : evaluation->boundary_ms - state->rule->every_ms;
		put_begin(engine, state);
	}
	if (history->leaves_out != LEAVES_OUT_NONE)
		engine_history_note_left_out(evaluation);
	if (state->rule->baseline != NULL)
		history->has_watched = history->begin_ms <=
				       local_same_clock_ms(history->zone, evaluation->boundary_ms,
							   state->rule->baseline->min_history_days);
	forget_old(engine, state, evaluation->boundary_ms);
	/* Before the look: a local midnight between two boundaries has just ended a day. */
	if (history->keeps_days)
		engine_history_add_days(evaluation);
	engine_history_look_up(engine, state, evaluation->boundary_ms);
	key_table_clear(&history->seen);
	bytes_clear(&history->row);
}

void engine_history_note(const struct evaluation *evaluation, struct slice key,
			 const struct aggregate *cells)
{
	const struct rule_state *state = evaluation->state;
	struct engine_history *history = state->history;
	struct history_entry entry = {.key = key, .samples = cells->count};
	bool is_new;

	key_table_put(&history->seen, key, &is_new);
	history->last_ms = evaluation->boundary_ms;
	if (engine_value(state, cells, &state->rule->measure, &entry.value) &&
	    isfinite(entry.value))
		history_row_add(&history->row, &entry);
}

void engine_history_finish(const struct evaluation *evaluation)
{
	struct engine_history *history = evaluation->state->history;

	/* The windows before were not watched whole. */
	if (history->keeps_windows && history->row.length > 0 &&
	    evaluation->from_ms >= history->begin_ms)
		engine_history_keep(evaluation->engine, evaluation->state->rule->name,
				    &history->windows, evaluation->boundary_ms,
				    bytes_slice(&history->row));
}
