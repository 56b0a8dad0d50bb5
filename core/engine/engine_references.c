/* The references of a rule at a boundary, for every key at once: which days they are of, and what
 * the rows of those days say. */
#include "core/engine/engine_history.h"

#include "core/base/log.h"
#include "core/baseline/history_row.h"
#include "core/model/local_day.h"
#include "core/model/span.h"
#include "core/rule/rule.h"

struct look_up {
	struct engine *engine;
	const struct rule_state *state;
	const struct engine_history *history;
	const struct reference *reference;
	struct reference_table *table;
	/** Days that were looked at and are nearer. */
	const struct left_out *nearer[BASELINE_MEAN_DAYS_MAX];
	uint32_t nearer_count;
};

static bool is_left_out(const struct look_up *look_up, const struct left_out *left_out,
			struct slice key)
{
	return engine_history_is_left_out(look_up->engine, look_up->state, left_out, key);
}

/** A mean takes every day; of the others the nearest that is not left out decides, with or without
 *  readings. */
static bool is_wanted(const struct look_up *look_up, struct slice key)
{
	for (uint32_t i = 0; look_up->reference->wanted == 1 && i < look_up->nearer_count; i++)
		if (!is_left_out(look_up, look_up->nearer[i], key))
			return false;
	return true;
}

static void add_row(struct look_up *look_up, const struct history_rows *rows, int64_t time,
		    const struct left_out *left_out)
{
	struct history_entry entry;
	struct byte_reader reader;
	struct slice content;

	if (!engine_history_find(look_up->engine, look_up->state->rule->name, rows, time, &content))
		return;
	reader = byte_reader_of(content);
	while (history_row_next(&reader, &entry))
		if (!is_left_out(look_up, left_out, entry.key) && is_wanted(look_up, entry.key))
			reference_table_add(look_up->table, entry.key, entry.value,
					    (double)entry.samples);
	if (reader.has_failed)
		log_error(RULE, "rule %s: a row of its history is damaged",
			  look_up->state->rule->name);
}

static void look_up_one(struct look_up *look_up, int64_t boundary_ms)
{
	const struct engine_history *history = look_up->history;
	const struct reference *reference = look_up->reference;
	const struct rule *rule = look_up->state->rule;
	int64_t today = local_day_of(history->zone, boundary_ms - 1);

	for (uint32_t i = 1; i <= reference->tries; i++) {
		int64_t back = (int64_t)i * reference->step_days;
		int64_t same_ms = local_same_clock_ms(history->zone, boundary_ms, back);
		bool is_day = reference->kind == REFERENCE_DAYS;
		int64_t day = is_day ? today - back : local_day_of(history->zone, same_ms - 1);
		const struct left_out *left_out = engine_history_find_left_out(history, day);

		if (rule->baseline != NULL && baseline_is_excepted(rule->baseline, day))
			continue;
		if (is_day)
			add_row(look_up, &history->days, day, left_out);
		else
			add_row(look_up, &history->windows, span_floor(same_ms, rule->every_ms),
				left_out);
		if (reference->wanted == 1 &&
		    (left_out == NULL || left_out->keys.count + left_out->categories.count == 0))
			return;
		look_up->nearer[look_up->nearer_count++] = left_out;
	}
}

void engine_history_look_up(struct engine *engine, const struct rule_state *state,
			    int64_t boundary_ms)
{
	struct engine_history *history = state->history;
	int64_t today = local_day_of(history->zone, boundary_ms - 1);

	for (uint32_t i = 0; i < history->reference_count; i++) {
		struct look_up look_up = {
			.engine = engine,
			.state = state,
			.history = history,
			.reference = &history->references[i],
			.table = &history->tables[i],
		};
		bool is_day = look_up.reference->kind == REFERENCE_DAYS;

		if (look_up.reference->kind == REFERENCE_NUMBER ||
		    (is_day && history->table_days[i] == today))
			continue;
		history->table_days[i] = today;
		reference_table_clear(look_up.table);
		look_up_one(&look_up, boundary_ms);
	}
}
