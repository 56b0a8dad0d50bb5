/* Rows the engine writes. Keys: storage/keyspace.h. Values, big-endian, texts with a 4-byte length:
 *
 *     "s"          position (4 + 8 + 8), greatest event time (8), wall time when it was last
 *                  committed or open (8), counters (8 each)
 *     "S" name 0   watermark, first, greatest event time (8 each), counters, late dropped,
 *                  duplicates (8 each)
 *     "S" name 0 d dead letters: count (1), then partition, reason, text, offset (8), line (8) each
 *     "P"          panes, as core/window/window_rows.c has them
 *     "L"          what begins before is in hours or days (8), days before are in days (8)
 *     "e"          evaluated until (8), the source's watermark then (8), every (8), source, version
 *                  (4). When the source's own row has a watermark of a later pane, then the rule
 *                  was evaluated with it: a boundary passes for every rule at once, and only one
 *                  row is written for all of them
 *     "a"          state as core/judge/key_state.c has it, a text that is empty (once it was the
 *                  severity of a verdict), version (4) and hash of the rule, and whether something
 *                  was told (1): then what add_rule() has
 */
#include "core/engine/engine_store.h"

#include "core/rule/rule.h"
#include "core/window/metric.h"
#include "core/window/window_level.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <string.h>

static void add_time(struct bytes *out, int64_t ms)
{
	bytes_append_be64(out, (uint64_t)ms);
}

static void add_text(struct bytes *out, const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;

	bytes_append_be32(out, text != NULL ? (uint32_t)length : UINT32_MAX);
	bytes_append(out, text != NULL ? text : "", length);
}

static void add_counters(struct bytes *out, const struct bundle_counters *counters)
{
	bytes_append_be64(out, counters->bytes);
	bytes_append_be64(out, counters->lines);
	bytes_append_be64(out, counters->readings);
	bytes_append_be64(out, counters->malformed);
	bytes_append_be64(out, counters->late);
	bytes_append_be64(out, counters->clamped);
	bytes_append_be64(out, counters->mistyped);
	bytes_append_be64(out, counters->blank);
}

/** The row whose key and content were gathered in engine->key and engine->content. */
static void put(struct engine *engine)
{
	if (engine->options.commit == NULL)
		return;
	keyspace_seal(&engine->value, bytes_slice(&engine->content));
	kv_batch_put(commit_batch(engine->options.commit), bytes_slice(&engine->key),
		     bytes_slice(&engine->value));
}

static void delete (struct engine *engine)
{
	if (engine->options.commit != NULL)
		kv_batch_delete(commit_batch(engine->options.commit), bytes_slice(&engine->key));
}

static void partition_key(struct engine *engine, const struct engine_partition *partition)
{
	key_begin(&engine->key, KEYSPACE_POSITION);
	key_add_text(&engine->key, partition->source->name);
	key_add_text(&engine->key, partition->name);
}

void engine_put_partition(struct engine *engine, const struct engine_partition *partition)
{
	struct bytes *content = &engine->content;

	partition_key(engine, partition);
	bytes_clear(content);
	bytes_append_be32(content, partition->committed.epoch);
	bytes_append_be64(content, partition->committed.offset);
	bytes_append_be64(content, partition->committed.check);
	add_time(content, partition->max_event_ms);
	add_time(content, partition->kept_ms);
	add_counters(content, &partition->counters);
	put(engine);
}

void engine_delete_partition(struct engine *engine, const struct engine_partition *partition)
{
	partition_key(engine, partition);
	delete (engine);
}

void engine_put_source(struct engine *engine, const struct engine_source *source)
{
	struct bytes *content = &engine->content;

	key_begin(&engine->key, KEYSPACE_SOURCE);
	key_add_text(&engine->key, source->name);
	bytes_clear(content);
	add_time(content, source->watermark_ms);
	add_time(content, source->first_event_ms);
	add_time(content, source->max_event_ms);
	add_counters(content, &source->total);
	bytes_append_be64(content, source->late_dropped);
	bytes_append_be64(content, source->duplicates);
	put(engine);
}

void engine_put_dead_letters(struct engine *engine, const struct engine_source *source)
{
	struct bytes *content = &engine->content;

	key_begin(&engine->key, KEYSPACE_SOURCE);
	key_add_text(&engine->key, source->name);
	key_add_bytes(&engine->key, SLICE_LITERAL("d"));
	bytes_clear(content);
	bytes_append_u8(content, (uint8_t)source->dead_letter_count);
	for (uint32_t i = 0; i < source->dead_letter_count; i++) {
		const struct engine_dead_letter *kept = &source->dead_letters[i];

		add_text(content, kept->partition);
		add_text(content, kept->letter.reason);
		add_text(content, kept->letter.text);
		bytes_append_be64(content, kept->letter.offset);
		bytes_append_be64(content, kept->letter.line);
	}
	put(engine);
}

static void pane_key(struct bytes *key, const unsigned char *metric_id, int64_t start_ms)
{
	key_begin(key, KEYSPACE_PANE);
	key_add_bytes(key, (struct slice){(const char *)metric_id, METRIC_ID_BYTES});
	key_add_signed(key, start_ms);
}

struct pane_rows {
	struct engine *engine;
	const struct metric *metric;
};

static void put_row(void *arg, int64_t start_ms, uint32_t row, struct slice content)
{
	struct pane_rows *rows = arg;
	struct engine *engine = rows->engine;

	pane_key(&engine->key, rows->metric->id.bytes, start_ms);
	key_add_u32(&engine->key, row);
	keyspace_seal(&engine->value, content);
	kv_batch_put(commit_batch(engine->options.commit), bytes_slice(&engine->key),
		     bytes_slice(&engine->value));
}

static void drop_row(void *arg, int64_t start_ms, uint32_t row)
{
	struct pane_rows *rows = arg;

	pane_key(&rows->engine->key, rows->metric->id.bytes, start_ms);
	key_add_u32(&rows->engine->key, row);
	delete (rows->engine);
}

void engine_put_panes(struct engine *engine, const struct metric *metric, struct window *window)
{
	struct pane_rows arg = {engine, metric};
	struct window_rows rows = {put_row, drop_row, &arg};

	window_save(window, &rows);
}

void engine_delete_panes(struct engine *engine, const unsigned char *metric_id, int64_t from_ms,
			 int64_t before_ms)
{
	if (engine->options.commit == NULL)
		return;
	pane_key(&engine->key, metric_id, from_ms);
	pane_key(&engine->value, metric_id, before_ms);
	kv_batch_delete_range(commit_batch(engine->options.commit), bytes_slice(&engine->key),
			      bytes_slice(&engine->value));
}

static void level_key(struct engine *engine, const unsigned char *metric_id)
{
	key_begin(&engine->key, KEYSPACE_LEVEL);
	key_add_bytes(&engine->key, (struct slice){(const char *)metric_id, METRIC_ID_BYTES});
}

void engine_put_level(struct engine *engine, const unsigned char *metric_id,
		      const struct window_levels *levels)
{
	level_key(engine, metric_id);
	bytes_clear(&engine->content);
	add_time(&engine->content, levels->rolled_ms);
	add_time(&engine->content, levels->rolled_day);
	put(engine);
}

void engine_delete_level(struct engine *engine, const unsigned char *metric_id)
{
	level_key(engine, metric_id);
	delete (engine);
}

static void evaluated_key(struct engine *engine, const char *rule)
{
	key_begin(&engine->key, KEYSPACE_EVALUATED);
	key_add_bytes(&engine->key, slice_of(rule));
}

void engine_put_evaluated(struct engine *engine, struct rule_state *state)
{
	const struct engine_source *source = engine_find_source(engine, state->rule->source);

	evaluated_key(engine, state->rule->name);
	bytes_clear(&engine->content);
	add_time(&engine->content, state->evaluated_ms);
	add_time(&engine->content, source->watermark_ms);
	add_time(&engine->content, state->rule->every_ms);
	add_text(&engine->content, state->rule->source);
	bytes_append_be32(&engine->content, state->rule->version);
	put(engine);
	state->stored_ms = state->evaluated_ms;
}

void engine_delete_evaluated(struct engine *engine, const char *rule)
{
	evaluated_key(engine, rule);
	delete (engine);
}

static void key_row_key(struct engine *engine, const char *rule, struct slice key)
{
	key_begin(&engine->key, KEYSPACE_ALERT);
	key_add_text(&engine->key, rule);
	key_add_bytes(&engine->key, key);
}

/** What an alert needs of its rule. */
static void add_rule(struct bytes *content, const struct rule *rule, const struct rule_level *level)
{
	bytes_append_u8(content, (uint8_t)rule->type);
	add_text(content, rule->statistic);
	add_time(content, rule->window_ms);
	add_text(content, rule->title);
	add_text(content, rule->source);
	add_text(content, rule->field);
	add_text(content, level->holds.text);
	add_text(content, rule->output);
	add_text(content, level->severity);
	add_text(content, rule->labels_json);
	bytes_append_u8(content, (uint8_t)rule->by_count);
	for (uint32_t i = 0; i < rule->by_count; i++)
		add_text(content, rule->by[i]);
	bytes_append_u8(content, rule->opens_incident);
	bytes_append_u8(content, rule->has_incident_key);
	bytes_append_u8(content, (uint8_t)rule->incident_key_count);
	for (uint32_t i = 0; i < rule->incident_key_count; i++)
		add_text(content, rule->incident_keys[i]);
}

/** With what was told the rule is in the row: the alert can be resolved when its file is gone at
 *  the next start. */
void engine_put_key(struct engine *engine, const struct rule *rule, struct slice name,
		    const struct engine_key *key)
{
	struct bytes *content = &engine->content;
	bool is_told = key->state.told_kind != KEY_KIND_OK;

	if (engine->options.commit == NULL)
		return;
	key_row_key(engine, rule->name, name);
	bytes_clear(content);
	key_state_encode(&key->state, content);
	add_text(content, NULL);
	bytes_append_be32(content, rule->version);
	add_text(content, rule->hash);
	bytes_append_u8(content, is_told);
	if (is_told)
		add_rule(content, rule, &rule->levels[key->state.told_level]);
	put(engine);
}

void engine_delete_key(struct engine *engine, const char *rule, struct slice key)
{
	key_row_key(engine, rule, key);
	delete (engine);
}
