#include "core/engine/engine_store.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/dimension.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"
#include "core/window/window_level.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <stdio.h>
#include <string.h>

struct restore {
	struct engine *engine;
	/** Reads one row; false: it is damaged. */
	bool (*row)(struct engine *engine, struct byte_reader *key, struct byte_reader *value);
	const char *what;
	struct err_note *why;
	int code;
};

static int64_t read_time(struct byte_reader *reader)
{
	return (int64_t)byte_reader_be64(reader);
}

/** Owned text, or NULL for none. */
static char *read_text(struct byte_reader *reader)
{
	uint32_t length = byte_reader_be32(reader);
	struct slice text;

	if (length == UINT32_MAX || reader->has_failed || length > reader->left) {
		reader->has_failed |= length != UINT32_MAX;
		return NULL;
	}
	text = byte_reader_bytes(reader, length);
	return mem_copy_bytes(text.data, text.length);
}

static const char *read_arena_text(struct byte_reader *reader, struct arena *arena)
{
	char *text = read_text(reader);
	const char *copy = text != NULL ? arena_copy_text(arena, text) : NULL;

	mem_free(text);
	return copy;
}

static void read_counters(struct byte_reader *reader, struct bundle_counters *out)
{
	out->bytes = byte_reader_be64(reader);
	out->lines = byte_reader_be64(reader);
	out->readings = byte_reader_be64(reader);
	out->malformed = byte_reader_be64(reader);
	out->late = byte_reader_be64(reader);
	out->clamped = byte_reader_be64(reader);
	out->mistyped = byte_reader_be64(reader);
	out->blank = byte_reader_be64(reader);
}

static char *read_key_text(struct byte_reader *key)
{
	struct slice text = key_read_text(key);

	return mem_copy_bytes(text.data, text.length);
}

static bool restore_partition(struct engine *engine, struct byte_reader *key,
			      struct byte_reader *value)
{
	char *source_name = read_key_text(key);
	struct engine_partition row = {.name = read_key_text(key), .is_positioned = true};

	row.committed.epoch = byte_reader_be32(value);
	row.committed.offset = byte_reader_be64(value);
	row.committed.check = byte_reader_be64(value);
	row.max_event_ms = read_time(value);
	row.kept_ms = read_time(value);
	read_counters(value, &row.counters);
	if (key->has_failed || value->has_failed) {
		mem_free(row.name);
	} else {
		row.source = engine_add_source(engine, source_name);
		engine_restore_place(engine, &row);
	}
	mem_free(source_name);
	return !key->has_failed;
}

static void restore_dead_letters(struct engine_source *source, struct byte_reader *value)
{
	uint8_t count = byte_reader_u8(value);

	for (uint8_t i = 0; i < count && !value->has_failed; i++) {
		char *partition = read_text(value);
		struct dead_letter letter = {.reason = read_text(value)};

		letter.text = read_text(value);
		letter.offset = byte_reader_be64(value);
		letter.line = byte_reader_be64(value);
		if (!value->has_failed && partition != NULL)
			engine_keep_dead_letter(source, partition, &letter);
		mem_free(partition);
		mem_free(letter.reason);
		mem_free(letter.text);
	}
}

static bool restore_source(struct engine *engine, struct byte_reader *key,
			   struct byte_reader *value)
{
	char *name = read_key_text(key);
	struct engine_source *source = key->has_failed ? NULL : engine_add_source(engine, name);

	mem_free(name);
	if (source == NULL)
		return false;
	if (key->left > 0) {
		restore_dead_letters(source, value);
		return true;
	}
	source->watermark_ms = read_time(value);
	source->first_event_ms = read_time(value);
	source->max_event_ms = read_time(value);
	read_counters(value, &source->total);
	source->late_dropped = byte_reader_be64(value);
	source->duplicates = byte_reader_be64(value);
	if (source->watermark_ms != TIME_NONE) {
		watermark_restore(source->watermark, source->watermark_ms);
		source->checked_ms = span_floor(source->watermark_ms, PANE_MS);
	}
	return true;
}

/** How far the rule was evaluated when the source's row was written: see engine_store.c. */
static int64_t evaluated_since(const struct engine *engine, struct byte_reader *value,
			       int64_t evaluated_ms)
{
	int64_t watermark_ms = read_time(value), every_ms = read_time(value);
	char *name = read_text(value);
	const struct engine_source *source = name != NULL ? engine_find_source(engine, name) : NULL;

	mem_free(name);
	if (every_ms <= 0) {
		value->has_failed = true;
		return evaluated_ms;
	}
	if (evaluated_ms == TIME_NONE || source == NULL || source->watermark_ms == TIME_NONE)
		return evaluated_ms;
	if (watermark_ms != TIME_NONE &&
	    span_floor(watermark_ms, PANE_MS) == span_floor(source->watermark_ms, PANE_MS))
		return evaluated_ms;
	return span_floor(source->watermark_ms, every_ms);
}

static bool restore_evaluated(struct engine *engine, struct byte_reader *key,
			      struct byte_reader *value)
{
	struct slice name = byte_reader_bytes(key, key->left);
	int64_t evaluated_ms = read_time(value);
	struct stored_evaluated *stored;

	evaluated_ms = evaluated_since(engine, value, evaluated_ms);
	(void)byte_reader_be32(value); /* the version, which decides nothing */
	engine->stored_evaluated =
		mem_grow(engine->stored_evaluated, engine->stored_evaluated_count + 1,
			 sizeof(*engine->stored_evaluated));
	stored = &engine->stored_evaluated[engine->stored_evaluated_count++];
	stored->rule = mem_copy_bytes(name.data, name.length);
	stored->evaluated_ms = evaluated_ms;
	return true;
}

static uint32_t read_names(struct byte_reader *value, struct arena *arena, const char **names)
{
	uint32_t count = byte_reader_u8(value);

	if (count > DIMENSION_FIELDS_MAX) {
		value->has_failed = true;
		return 0;
	}
	for (uint32_t i = 0; i < count; i++)
		names[i] = read_arena_text(value, arena);
	return count;
}

/** As much of the rule as its alerts need; see add_rule() in engine_store.c. */
static void read_rule(struct byte_reader *value, struct rule *rule)
{
	struct rule_level level = {.severity = NULL};

	rule->type = (enum rule_type)byte_reader_u8(value);
	rule->statistic = read_arena_text(value, &rule->arena);
	value->has_failed |= rule->type > RULE_BASELINE;
	rule->window_ms = read_time(value);
	rule->title = read_arena_text(value, &rule->arena);
	rule->source = read_arena_text(value, &rule->arena);
	rule->field = read_arena_text(value, &rule->arena);
	level.holds.text = read_arena_text(value, &rule->arena);
	rule->output = read_arena_text(value, &rule->arena);
	level.severity = read_arena_text(value, &rule->arena);
	rule->labels_json = read_arena_text(value, &rule->arena);
	rule->by_count = read_names(value, &rule->arena, rule->by);
	rule->opens_incident = byte_reader_u8(value) != 0;
	rule->has_incident_key = byte_reader_u8(value) != 0;
	rule->incident_key_count = read_names(value, &rule->arena, rule->incident_keys);
	/* Whichever level was told, it is this one. */
	rule->severity = level.severity;
	rule->threshold.text = level.holds.text;
	for (uint32_t i = 0; i < RULE_LEVELS_MAX; i++)
		rule->levels[i] = level;
}

static bool restore_key(struct engine *engine, struct byte_reader *key, struct byte_reader *value)
{
	struct stored_key *stored;
	struct rule *rule = mem_alloc(sizeof(*rule));
	char *name = read_key_text(key);
	const char *hash;

	engine->stored_keys = mem_grow(engine->stored_keys, engine->stored_key_count + 1,
				       sizeof(*engine->stored_keys));
	stored = &engine->stored_keys[engine->stored_key_count++];
	*stored = (struct stored_key){.rule = rule, .key = {.is_stored = true}};
	arena_init(&rule->arena);
	rule->reference_count = 1;
	rule->level_count = RULE_LEVELS_MAX;
	rule->name = arena_copy_text(&rule->arena, name);
	mem_free(name);
	bytes_append_slice(&stored->name, byte_reader_bytes(key, key->left));
	key_state_decode(value, &stored->key.state);
	mem_free(read_text(value));
	rule->version = byte_reader_be32(value);
	hash = read_arena_text(value, &rule->arena);
	snprintf(rule->hash, sizeof(rule->hash), "%s", hash != NULL ? hash : "");
	if (byte_reader_u8(value) != 0)
		read_rule(value, rule);
	return true;
}

/** Rows of a metric lie together. Those of one that no rule uses any more are deleted at once, at
 *  the first of them. */
static struct window *window_of(struct engine *engine, struct slice id)
{
	if (engine->has_restored && memcmp(engine->restored_id, id.data, id.length) == 0)
		return engine->restored;
	engine->has_restored = true;
	memcpy(engine->restored_id, id.data, id.length);
	engine->restored = engine_find_window(engine, id);
	if (engine->restored == NULL)
		engine_delete_panes(engine, engine->restored_id, INT64_MIN, INT64_MAX);
	return engine->restored;
}

static bool restore_level(struct engine *engine, struct byte_reader *key, struct byte_reader *value)
{
	struct slice id = byte_reader_bytes(key, METRIC_ID_BYTES);
	int64_t rolled_ms = read_time(value), rolled_day = read_time(value);
	struct engine_metric *metric;

	if (key->has_failed || key->left > 0)
		return false;
	metric = engine_find_leveled(engine, id);
	if (metric == NULL) {
		engine_delete_level(engine, (const unsigned char *)id.data);
		return true;
	}
	metric->levels->rolled_ms = rolled_ms;
	metric->levels->rolled_day = rolled_day;
	return true;
}

static bool restore_panes(struct engine *engine, struct byte_reader *key, struct byte_reader *value)
{
	struct slice id = byte_reader_bytes(key, METRIC_ID_BYTES);
	int64_t start_ms = key_read_signed(key);
	uint32_t row = byte_reader_be32(key);
	struct slice content = byte_reader_bytes(value, value->left);
	struct window *window;

	if (key->has_failed || key->left > 0)
		return false;
	window = window_of(engine, id);
	return window == NULL || window_load(window, start_ms, row, content, NULL) == 0;
}

static bool restore_row(void *arg, struct slice key, struct slice value)
{
	struct restore *restore = arg;
	struct byte_reader key_reader = key_read(key), value_reader;
	struct slice content;

	restore->code = keyspace_unseal(value, &content, restore->why);
	if (restore->code != 0) {
		err_prefix(restore->why, "a stored %s", restore->what);
		return false;
	}
	value_reader = byte_reader_of(content);
	if (!restore->row(restore->engine, &key_reader, &value_reader) || value_reader.has_failed ||
	    value_reader.left > 0)
		restore->code =
			err_set(restore->why, ERR_CORRUPT, "a stored %s is damaged", restore->what);
	return restore->code == 0;
}

static int restore_space(struct engine *engine, enum keyspace space, const char *what,
			 bool (*row)(struct engine *engine, struct byte_reader *key,
				     struct byte_reader *value),
			 struct err_note *why)
{
	struct restore restore = {engine, row, what, why, 0};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, space);
	code = kv_scan(engine->options.kv, bytes_slice(&prefix), false, restore_row, &restore, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : restore.code;
}

int engine_restore(struct engine *engine, struct err_note *why)
{
	int code = restore_space(engine, KEYSPACE_SOURCE, "source", restore_source, why);

	if (code == 0)
		code = restore_space(engine, KEYSPACE_POSITION, "position", restore_partition, why);
	if (code == 0)
		code = restore_space(engine, KEYSPACE_EVALUATED, "evaluation", restore_evaluated,
				     why);
	if (code == 0)
		code = restore_space(engine, KEYSPACE_ALERT, "alert state", restore_key, why);
	return code;
}

int engine_restore_panes(struct engine *engine, struct err_note *why)
{
	int code = restore_space(engine, KEYSPACE_LEVEL, "level", restore_level, why);

	return code == 0 ? restore_space(engine, KEYSPACE_PANE, "row of panes", restore_panes, why)
			 : code;
}
