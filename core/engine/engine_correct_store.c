/* Rows of rules with `late = "correct"`:
 *
 *     "c" rule 0            version of the rule (4), its file's hash (4 + bytes), begin (8), told
 *                           (8), lost (8)
 *     "c" rule 0 end key    level + 1 (1), whether it has a value (1), value (8)
 *
 * The row of the rule comes first in a scan. Another version begins anew. */
#include "core/engine/correction_set.h"
#include "core/engine/engine_store.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/rule/rule.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <string.h>

static void put(struct engine *engine)
{
	keyspace_seal(&engine->value, bytes_slice(&engine->content));
	kv_batch_put(commit_batch(engine->options.commit), bytes_slice(&engine->key),
		     bytes_slice(&engine->value));
}

static void rule_key(struct bytes *out, const char *rule)
{
	key_begin(out, KEYSPACE_CORRECTION);
	key_add_text(out, rule);
}

static void mark_key(struct bytes *out, const char *rule, const struct correction *mark)
{
	rule_key(out, rule);
	key_add_signed(out, mark->end_ms);
	key_add_bytes(out, mark->key);
}

void engine_put_correction(struct engine *engine, const struct rule *rule,
			   const struct correction *correction)
{
	uint64_t bits;

	if (engine->options.commit == NULL)
		return;
	mark_key(&engine->key, rule->name, correction);
	memcpy(&bits, &correction->value, sizeof(bits));
	bytes_clear(&engine->content);
	bytes_append_u8(&engine->content, (uint8_t)(correction->level + 1));
	bytes_append_u8(&engine->content, correction->has_value);
	bytes_append_be64(&engine->content, bits);
	put(engine);
}

void engine_delete_correction(struct engine *engine, const struct rule *rule,
			      const struct correction *correction)
{
	if (engine->options.commit == NULL)
		return;
	mark_key(&engine->key, rule->name, correction);
	kv_batch_delete(commit_batch(engine->options.commit), bytes_slice(&engine->key));
}

void engine_put_corrections(struct engine *engine, const struct rule_state *state)
{
	const struct correction_set *set = state->corrections;
	struct bytes *content = &engine->content;

	if (engine->options.commit == NULL)
		return;
	rule_key(&engine->key, state->rule->name);
	bytes_clear(content);
	bytes_append_be32(content, state->rule->version);
	bytes_append_be32(content, (uint32_t)strlen(state->rule->hash));
	bytes_append_text(content, state->rule->hash);
	bytes_append_be64(content, (uint64_t)set->begin_ms);
	bytes_append_be64(content, set->told_count);
	bytes_append_be64(content, set->lost_count);
	put(engine);
}

void engine_delete_corrections(struct engine *engine, const char *rule)
{
	if (engine->options.commit == NULL)
		return;
	rule_key(&engine->key, rule);
	bytes_clear(&engine->value);
	bytes_append_slice(&engine->value, bytes_slice(&engine->key));
	/* The name ends with a 0 byte: the next one begins behind it. */
	engine->value.data[engine->value.length - 1] = 1;
	kv_batch_delete_range(commit_batch(engine->options.commit), bytes_slice(&engine->key),
			      bytes_slice(&engine->value));
}

void engine_open_corrections(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct rule_state *state = engine->rules[i];

		if (!state->rule->corrects_late || state->corrections != NULL)
			continue;
		state->corrections = correction_set_new(state->evaluated_ms);
		engine_put_corrections(engine, state);
	}
}

/* ---- back ---- */

struct correction_restore {
	struct engine *engine;
	struct err_note *why;
	struct bytes name;        /**< of the rule whose rows these are, as in the key */
	struct rule_state *state; /**< of this version; or NULL: they are of no use */
	int code;
};

static struct rule_state *find_rule(const struct engine *engine, struct slice name)
{
	for (uint32_t i = 0; i < engine->rule_count; i++)
		if (slice_equal(slice_of(engine->rules[i]->rule->name), name))
			return engine->rules[i];
	return NULL;
}

/** Of a rule that is gone, or has another version: all of its rows go. */
static void begin_rule(struct correction_restore *restore, struct slice name,
		       struct byte_reader *value)
{
	uint32_t version = byte_reader_be32(value);
	struct slice hash = byte_reader_bytes(value, byte_reader_be32(value));
	int64_t begin_ms = (int64_t)byte_reader_be64(value);
	uint64_t told_count = byte_reader_be64(value), lost_count = byte_reader_be64(value);
	struct rule_state *state = find_rule(restore->engine, name);

	bytes_clear(&restore->name);
	bytes_append_slice(&restore->name, name);
	restore->state = NULL;
	if (value->has_failed)
		return;
	if (state == NULL || !state->rule->corrects_late || state->rule->version != version ||
	    !slice_equal(slice_of(state->rule->hash), hash)) {
		bytes_append_u8(&restore->name, 0);
		engine_delete_corrections(restore->engine, restore->name.data);
		restore->name.length--;
		return;
	}
	restore->state = state;
	correction_set_free(state->corrections);
	state->corrections = correction_set_new(begin_ms);
	state->corrections->told_count = told_count;
	state->corrections->lost_count = lost_count;
}

static bool restore_mark(struct correction_restore *restore, struct byte_reader *key,
			 struct byte_reader *value)
{
	struct correction mark = {.end_ms = key_read_signed(key)}, dropped;
	uint64_t bits;
	uint32_t at;

	mark.key = byte_reader_bytes(key, key->left);
	mark.level = (int)byte_reader_u8(value) - 1;
	mark.has_value = byte_reader_u8(value) != 0;
	bits = byte_reader_be64(value);
	memcpy(&mark.value, &bits, sizeof(bits));
	if (key->has_failed || value->has_failed)
		return false;
	if (restore->state == NULL)
		return true;
	if (mark.level >= (int)restore->state->rule->level_count ||
	    restore->state->corrections->count == CORRECTIONS_MAX ||
	    correction_set_find(restore->state->corrections, mark.end_ms, mark.key, &at))
		return false;
	correction_set_put(restore->state->corrections, at, &mark, &dropped);
	return true;
}

static bool restore_row(void *arg, struct slice key, struct slice value)
{
	struct correction_restore *restore = arg;
	struct byte_reader key_reader = key_read(key), value_reader;
	struct slice content, name;
	bool is_good = true;

	restore->code = keyspace_unseal(value, &content, restore->why);
	if (restore->code != 0) {
		err_prefix(restore->why, "a stored correction");
		return false;
	}
	value_reader = byte_reader_of(content);
	name = key_read_text(&key_reader);
	if (key_reader.left == 0)
		begin_rule(restore, name, &value_reader);
	else
		is_good = slice_equal(name, bytes_slice(&restore->name)) &&
			  restore_mark(restore, &key_reader, &value_reader);
	if (!is_good || key_reader.has_failed || value_reader.has_failed || value_reader.left > 0)
		restore->code =
			err_set(restore->why, ERR_CORRUPT, "a stored correction is damaged");
	return restore->code == 0;
}

int engine_restore_corrections(struct engine *engine, struct err_note *why)
{
	struct correction_restore restore = {.engine = engine, .why = why};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, KEYSPACE_CORRECTION);
	code = kv_scan(engine->options.kv, bytes_slice(&prefix), false, restore_row, &restore, why);
	bytes_deinit(&prefix);
	bytes_deinit(&restore.name);
	return code != 0 ? code : restore.code;
}
