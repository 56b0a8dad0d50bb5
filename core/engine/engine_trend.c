/* The trend of each key: one slot for each window of the rule. */
#include "core/engine/engine_history.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/model/local_day.h"
#include "core/rule/rule.h"
#include "core/rule/rule_trend.h"

/** A key that is longer without readings and references is forgotten: nothing of it is known. */
#define SEEN_MS_MAX (8 * LOCAL_DAY_MS)

static struct trend_key *put_key(struct engine_history *history, struct slice name)
{
	bool is_new;
	uint32_t id = key_table_put(&history->trend_keys, name, &is_new);

	if (id >= history->trend_capacity) {
		history->trend_capacity =
			history->trend_capacity == 0 ? 16 : 2 * history->trend_capacity;
		history->trends = mem_grow(history->trends, history->trend_capacity,
					   sizeof(*history->trends));
	}
	if (is_new || history->trends[id].seen_ms == TIME_NONE) {
		history->trends[id] =
			(struct trend_key){.state = TREND_STATE_NEW, .seen_ms = TIME_NONE};
		history->trend_count++;
	}
	return &history->trends[id];
}

/** NULL: the rule has as many keys as it may. */
static struct trend_key *find_key(const struct evaluation *evaluation, struct slice name)
{
	struct rule_state *state = evaluation->state;
	struct engine_history *history = state->history;
	uint32_t keys_max = state->rule->keys_max != 0 ? state->rule->keys_max
						       : evaluation->engine->config->keys_max;
	uint32_t id = key_table_find(&history->trend_keys, name);

	if (id != KEY_TABLE_NONE && history->trends[id].seen_ms != TIME_NONE)
		return &history->trends[id];
	if (history->trend_count >= keys_max) {
		state->overflow_count++;
		return NULL;
	}
	return put_key(history, name);
}

static void forget(const struct evaluation *evaluation, struct slice name, struct trend_key *key)
{
	engine_history_delete(evaluation->engine, evaluation->state->rule->name, HISTORY_TREND,
			      name);
	*key = (struct trend_key){.state = TREND_STATE_NEW, .seen_ms = TIME_NONE};
	evaluation->state->history->trend_count--;
}

static void store(const struct evaluation *evaluation, struct slice name,
		  const struct trend_key *key)
{
	struct bytes row = BYTES_EMPTY;

	if (evaluation->engine->options.commit == NULL)
		return;
	bytes_append_be64(&row, (uint64_t)key->seen_ms);
	trend_encode(&key->state, &row);
	engine_history_put(evaluation->engine, evaluation->state->rule->name, HISTORY_TREND, name,
			   bytes_slice(&row));
	bytes_deinit(&row);
}

static bool load_key(void *arg, struct slice name, struct slice content)
{
	struct engine_history *history = arg;
	struct byte_reader reader = byte_reader_of(content);
	struct trend_key *key = put_key(history, name);

	key->seen_ms = (int64_t)byte_reader_be64(&reader);
	trend_decode(&reader, &key->state);
	return !reader.has_failed && reader.left == 0 && key->seen_ms != TIME_NONE;
}

bool engine_trend_load(struct engine *engine, const struct rule_state *state)
{
	return engine_history_scan(engine, state->rule->name, HISTORY_TREND, load_key,
				   state->history);
}

static struct trend_slot slot_of(const struct evaluation *evaluation, struct slice name,
				 const struct aggregate *cells)
{
	const struct rule_state *state = evaluation->state;
	struct trend_slot slot = {.samples = (double)cells->count};

	slot.has_value = engine_value(state, cells, &state->rule->measure, &slot.value);
	for (uint32_t i = 0; i < state->history->reference_count; i++) {
		struct reference_value found =
			reference_table_get(&state->history->tables[i], name);

		slot.has_reference[i] = found.days > 0;
		slot.reference[i] = found.value_sum;
	}
	return slot;
}

void engine_trend_step(const struct evaluation *evaluation, struct slice key,
		       const struct aggregate *cells, struct trend_answer *out)
{
	struct trend_slot slot = slot_of(evaluation, key, cells);
	struct trend_key *known = find_key(evaluation, key);

	*out = (struct trend_answer){.verdict = TREND_UNKNOWN, .why = "too many keys"};
	if (known == NULL)
		return;
	if (cells->count > 0 || slot.has_reference[0] || slot.has_reference[1] ||
	    known->seen_ms == TIME_NONE)
		known->seen_ms = evaluation->boundary_ms;
	trend_step(&known->state, &evaluation->state->rule->trend->spec, &slot, out);
	if (evaluation->boundary_ms - known->seen_ms > SEEN_MS_MAX)
		forget(evaluation, key, known);
	else
		store(evaluation, key, known);
}
