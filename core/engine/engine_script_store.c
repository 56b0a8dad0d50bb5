/* Rows of what rules keep for their keys:
 *
 *     "y"  version of the rule (4), its file's hash, last reading (8), end of the last alert (8),
 *          flags (1), state (4 + bytes), timers: count (1), then name and time (8) each
 *
 * Another version of the rule begins with nothing: what its functions expect in a state nobody
 * knows but they. */
#include "core/engine/engine_script.h"

#include "core/base/err.h"
#include "core/rule/rule.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <stdio.h>
#include <string.h>

enum { FLAG_FIRING = 1 };

struct memory_rows {
	struct engine *engine;
	const struct rule *rule;
};

static void row_key(struct bytes *out, const char *rule, struct slice name)
{
	key_begin(out, KEYSPACE_SCRIPT_KEY);
	key_add_text(out, rule);
	key_add_bytes(out, name);
}

static void add_bytes(struct bytes *out, const char *data, size_t length)
{
	bytes_append_be32(out, (uint32_t)length);
	bytes_append(out, data, length);
}

static void put_row(void *arg, struct slice name, const struct script_key *key)
{
	const struct memory_rows *rows = arg;
	struct engine *engine = rows->engine;
	struct bytes *content = &engine->content;

	row_key(&engine->key, rows->rule->name, name);
	bytes_clear(content);
	bytes_append_be32(content, rows->rule->version);
	add_bytes(content, rows->rule->hash, strlen(rows->rule->hash));
	bytes_append_be64(content, (uint64_t)key->last_ms);
	bytes_append_be64(content, (uint64_t)key->told_ms);
	bytes_append_u8(content, key->is_firing ? FLAG_FIRING : 0);
	add_bytes(content, key->state, key->state_bytes);
	bytes_append_u8(content, (uint8_t)key->timer_count);
	for (uint32_t i = 0; i < key->timer_count; i++) {
		add_bytes(content, key->timers[i].name, strlen(key->timers[i].name));
		bytes_append_be64(content, (uint64_t)key->timers[i].at_ms);
	}
	keyspace_seal(&engine->value, bytes_slice(content));
	kv_batch_put(commit_batch(engine->options.commit), bytes_slice(&engine->key),
		     bytes_slice(&engine->value));
}

static void drop_row(void *arg, struct slice name)
{
	const struct memory_rows *rows = arg;
	struct engine *engine = rows->engine;

	row_key(&engine->key, rows->rule->name, name);
	kv_batch_delete(commit_batch(engine->options.commit), bytes_slice(&engine->key));
}

void engine_gather_memory(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct rule_state *state = engine->rules[i];
		struct memory_rows rows = {engine, state->rule};

		if (state->memory != NULL && state->memory->dirty_count > 0)
			script_memory_save(state->memory, put_row, drop_row, &rows);
	}
}

void engine_delete_memory(struct engine *engine, const char *rule)
{
	if (engine->options.commit == NULL)
		return;
	row_key(&engine->key, rule, (struct slice){"", 0});
	bytes_clear(&engine->value);
	bytes_append_slice(&engine->value, bytes_slice(&engine->key));
	/* The name ends with a 0 byte: the next one begins behind it. */
	engine->value.data[engine->value.length - 1] = 1;
	kv_batch_delete_range(commit_batch(engine->options.commit), bytes_slice(&engine->key),
			      bytes_slice(&engine->value));
}

/* ---- back ---- */

struct memory_restore {
	struct engine *engine;
	struct err_note *why;
	int code;
};

static struct slice read_bytes(struct byte_reader *reader)
{
	return byte_reader_bytes(reader, byte_reader_be32(reader));
}

static struct rule_state *find_rule(const struct engine *engine, struct slice name)
{
	for (uint32_t i = 0; i < engine->rule_count; i++)
		if (slice_equal(slice_of(engine->rules[i]->rule->name), name))
			return engine->rules[i];
	return NULL;
}

static bool read_timers(struct byte_reader *reader, struct script_key *key,
			struct rule_timer *timers)
{
	key->timer_count = byte_reader_u8(reader);
	key->timers = timers;
	if (key->timer_count > RULE_TIMERS_MAX)
		return false;
	for (uint32_t i = 0; i < key->timer_count; i++) {
		struct slice name = read_bytes(reader);

		timers[i].at_ms = (int64_t)byte_reader_be64(reader);
		if (reader->has_failed || name.length > RULE_TIMER_NAME_BYTES_MAX)
			return false;
		snprintf(timers[i].name, sizeof(timers[i].name), "%.*s", (int)name.length,
			 name.data);
	}
	return !reader->has_failed && reader->left == 0;
}

/** False: the row is damaged. */
static bool restore_key(struct engine *engine, struct slice key, struct slice content)
{
	struct byte_reader key_reader = key_read(key), reader = byte_reader_of(content);
	struct slice rule_name = key_read_text(&key_reader);
	struct slice name = byte_reader_bytes(&key_reader, key_reader.left);
	struct rule_state *state = find_rule(engine, rule_name);
	uint32_t version = byte_reader_be32(&reader);
	struct slice hash = read_bytes(&reader), text;
	struct rule_timer timers[RULE_TIMERS_MAX];
	struct script_key stored = {0};

	stored.last_ms = (int64_t)byte_reader_be64(&reader);
	stored.told_ms = (int64_t)byte_reader_be64(&reader);
	stored.is_firing = (byte_reader_u8(&reader) & FLAG_FIRING) != 0;
	text = read_bytes(&reader);
	stored.state = (char *)(uintptr_t)text.data;
	stored.state_bytes = (uint32_t)text.length;
	if (!read_timers(&reader, &stored, timers) || key_reader.has_failed)
		return false;
	if (state != NULL && state->memory != NULL && state->rule->version == version &&
	    slice_equal(slice_of(state->rule->hash), hash))
		script_memory_restore(state->memory, name, &stored);
	else
		kv_batch_delete(commit_batch(engine->options.commit), key);
	return true;
}

static bool restore_row(void *arg, struct slice key, struct slice value)
{
	struct memory_restore *restore = arg;
	struct slice content;

	restore->code = keyspace_unseal(value, &content, restore->why);
	if (restore->code != 0)
		err_prefix(restore->why, "a stored script state");
	else if (!restore_key(restore->engine, key, content))
		restore->code =
			err_set(restore->why, ERR_CORRUPT, "a stored script state is damaged");
	return restore->code == 0;
}

int engine_restore_memory(struct engine *engine, struct err_note *why)
{
	struct memory_restore restore = {engine, why, 0};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, KEYSPACE_SCRIPT_KEY);
	code = kv_scan(engine->options.kv, bytes_slice(&prefix), false, restore_row, &restore, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : restore.code;
}
