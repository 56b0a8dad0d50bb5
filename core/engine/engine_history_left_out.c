/* Days that are no reference. They are noted while they last, a row for each day, so that it does
 * not matter what becomes of the incidents later. A key whose incident is open fired on that day or
 * was noted on the one before: only those keys are asked for. */
#include "core/engine/engine_history.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/model/local_day.h"
#include "core/rule/rule.h"
#include "storage/keyspace.h"

#include <string.h>

static struct left_out *put_day(struct engine_history *history, int64_t day, uint64_t seed)
{
	uint32_t at = history->left_out_count;

	while (at > 0 && history->left_out[at - 1].day > day)
		at--;
	if (at > 0 && history->left_out[at - 1].day == day)
		return &history->left_out[at - 1];
	history->left_out = mem_grow(history->left_out, history->left_out_count + 1,
				     sizeof(*history->left_out));
	memmove(history->left_out + at + 1, history->left_out + at,
		(history->left_out_count - at) * sizeof(*history->left_out));
	history->left_out_count++;
	history->left_out[at].day = day;
	key_table_init(&history->left_out[at].keys, seed);
	key_table_init(&history->left_out[at].categories, seed);
	return &history->left_out[at];
}

static void free_day(struct left_out *left_out)
{
	key_table_deinit(&left_out->keys);
	key_table_deinit(&left_out->categories);
}

void engine_history_free_left_out(struct engine_history *history)
{
	for (uint32_t i = 0; i < history->left_out_count; i++)
		free_day(&history->left_out[i]);
	mem_free(history->left_out);
}

static void store(struct engine *engine, const char *rule, enum history_kind kind, int64_t day,
		  const struct key_table *table)
{
	struct bytes row = BYTES_EMPTY;

	for (uint32_t id = 0; id < table->count; id++) {
		struct slice key = key_table_key(table, id);

		bytes_append_be32(&row, (uint32_t)key.length);
		bytes_append_slice(&row, key);
	}
	engine_history_put_at(engine, rule, kind, day, bytes_slice(&row));
	bytes_deinit(&row);
}

/* ---- what is noted ---- */

/** Keys that fire as the last evaluation left them fired on its day. */
static void note_fired(struct engine *engine, const struct rule_state *state, int64_t judged_ms)
{
	struct engine_history *history = state->history;
	struct left_out *left_out = NULL;
	bool is_new, has_changed = false;

	for (uint32_t id = 0; state->watched_count > 0 && id < state->keys.count; id++) {
		const struct engine_key *key = &state->watched[id];

		if (!key->is_live || key_state_level(&key->state, state->rule) < 0)
			continue;
		if (left_out == NULL)
			left_out = put_day(history, local_day_of(history->zone, judged_ms - 1),
					   engine->options.seed);
		key_table_put(&left_out->keys, key_table_key(&state->keys, id), &is_new);
		has_changed |= is_new;
	}
	if (has_changed)
		store(engine, state->rule->name, HISTORY_LEFT_OUT, left_out->day, &left_out->keys);
}

/** The latest day before `day` on which keys were left out. */
static int64_t day_before(const struct engine_history *history, int64_t day)
{
	for (uint32_t i = history->left_out_count; i > 0; i--)
		if (history->left_out[i - 1].day < day && history->left_out[i - 1].keys.count > 0)
			return history->left_out[i - 1].day;
	return day;
}

static void note_incidents(struct engine *engine, const struct rule_state *state, int64_t day)
{
	struct engine_history *history = state->history;
	int64_t before = day_before(history, day);
	bool is_new, has_changed = false;
	const struct key_table *joined;
	struct left_out *today;

	if (engine->options.has_incident == NULL || before == day)
		return;
	today = put_day(history, day, engine->options.seed);
	joined = &engine_history_find_left_out(history, before)->keys;
	for (uint32_t id = 0; id < joined->count; id++) {
		struct slice key = key_table_key(joined, id);

		if (key_table_find(&today->keys, key) != KEY_TABLE_NONE ||
		    !engine->options.has_incident(engine->options.arg, state->rule, key))
			continue;
		key_table_put(&today->keys, key, &is_new);
		has_changed = true;
	}
	if (has_changed)
		store(engine, state->rule->name, HISTORY_LEFT_OUT, day, &today->keys);
}

static void note_categories(struct engine *engine, const struct rule_state *state, int64_t day)
{
	const struct config *config = engine->config;
	struct left_out *left_out = NULL;
	bool is_new, has_changed = false;

	for (uint32_t i = 0; i < config->category_count; i++) {
		const char *name = config->categories[i].name;

		if (!engine->options.has_category_incident(engine->options.arg, name))
			continue;
		if (left_out == NULL)
			left_out = put_day(state->history, day, engine->options.seed);
		key_table_put(&left_out->categories, slice_of(name), &is_new);
		has_changed |= is_new;
	}
	if (has_changed)
		store(engine, state->rule->name, HISTORY_CATEGORIES, day, &left_out->categories);
}

void engine_history_note_left_out(const struct evaluation *evaluation)
{
	struct engine *engine = evaluation->engine;
	const struct rule_state *state = evaluation->state;
	struct engine_history *history = state->history;
	int64_t day = local_day_of(history->zone, evaluation->boundary_ms - 1);

	if (evaluation->judged_ms != TIME_NONE)
		note_fired(engine, state, evaluation->judged_ms);
	note_incidents(engine, state, day);
	if (history->leaves_out == LEAVES_OUT_CATEGORY &&
	    engine->options.has_category_incident != NULL)
		note_categories(engine, state, day);
}

void engine_history_forget_left_out(struct engine *engine, const struct rule_state *state,
				    int64_t first_day)
{
	struct engine_history *history = state->history;
	uint32_t old = 0;

	while (old < history->left_out_count && history->left_out[old].day < first_day)
		free_day(&history->left_out[old++]);
	if (old == 0)
		return;
	history->left_out_count -= old;
	memmove(history->left_out, history->left_out + old,
		history->left_out_count * sizeof(*history->left_out));
	engine_history_delete_before(engine, state->rule->name, HISTORY_LEFT_OUT, first_day);
	engine_history_delete_before(engine, state->rule->name, HISTORY_CATEGORIES, first_day);
}

/* ---- back from the store ---- */

struct load {
	struct engine_history *history;
	enum history_kind kind;
	uint64_t seed;
};

static bool load_day(void *arg, struct slice name, struct slice content)
{
	struct load *load = arg;
	struct byte_reader key = byte_reader_of(name), reader = byte_reader_of(content);
	struct left_out *left_out = put_day(load->history, key_read_signed(&key), load->seed);
	bool is_new;

	while (reader.left > 0 && !reader.has_failed) {
		struct slice one = byte_reader_bytes(&reader, byte_reader_be32(&reader));

		if (!reader.has_failed)
			key_table_put(load->kind == HISTORY_LEFT_OUT ? &left_out->keys
								     : &left_out->categories,
				      one, &is_new);
	}
	return !key.has_failed && !reader.has_failed;
}

bool engine_history_load_left_out(struct engine *engine, const struct rule_state *state)
{
	static const enum history_kind kinds[] = {HISTORY_LEFT_OUT, HISTORY_CATEGORIES};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct load load = {state->history, kinds[i], engine->options.seed};

		if (!engine_history_scan(engine, state->rule->name, kinds[i], load_day, &load))
			return false;
	}
	return true;
}

/* ---- what is asked ---- */

const struct left_out *engine_history_find_left_out(const struct engine_history *history,
						    int64_t day)
{
	for (uint32_t i = 0; i < history->left_out_count; i++)
		if (history->left_out[i].day == day)
			return &history->left_out[i];
	return NULL;
}

bool engine_history_is_left_out(const struct engine *engine, const struct rule_state *state,
				const struct left_out *left_out, struct slice key)
{
	const char *category;

	if (left_out == NULL)
		return false;
	if (key_table_find(&left_out->keys, key) != KEY_TABLE_NONE)
		return true;
	if (left_out->categories.count == 0 || state->history->leaves_out != LEAVES_OUT_CATEGORY)
		return false;
	category = engine_category_of(engine, state->rule, key);
	while (category != NULL &&
	       key_table_find(&left_out->categories, slice_of(category)) == KEY_TABLE_NONE)
		category = config_category_parent(engine->config, category);
	return category != NULL;
}
