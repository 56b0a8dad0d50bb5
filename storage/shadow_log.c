#include "storage/shadow_log.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <stdio.h>
#include <string.h>

struct shadow_log {
	struct kv *kv;
	struct commit *commit;
	struct shadow items[SHADOW_COUNT_MAX];
	uint32_t count;
	struct bytes key, content, value; /* of one row */
};

static void shadow_key(struct bytes *key, const char *name)
{
	key_begin(key, KEYSPACE_SHADOW);
	key_add_text(key, name);
}

static void alerts_key(struct bytes *key, const char *name, uint32_t side)
{
	key_begin(key, KEYSPACE_SHADOW_ALERT);
	key_add_text(key, name);
	key_add_u32(key, side);
}

static void alert_key(struct bytes *key, const char *name, uint32_t side, uint64_t sequence)
{
	alerts_key(key, name, side);
	key_add_u64(key, sequence);
}

/* ---- reading ---- */

/** The sequence that ends the key of an alert. */
static uint64_t sequence_of(struct slice key)
{
	struct byte_reader reader = key_read(key);

	key_read_text(&reader);
	byte_reader_be32(&reader);
	return byte_reader_be64(&reader);
}

static bool take_edge(void *arg, struct slice key, struct slice value)
{
	uint64_t *sequence = arg;

	(void)value;
	*sequence = sequence_of(key);
	return false;
}

static int read_edges(struct shadow_log *log, struct shadow *shadow, uint32_t side,
		      struct err_note *why)
{
	uint64_t first = 0, last = 0;
	int code;

	alerts_key(&log->key, shadow->name, side);
	code = kv_scan(log->kv, bytes_slice(&log->key), false, take_edge, &first, why);
	if (code == 0)
		code = kv_scan(log->kv, bytes_slice(&log->key), true, take_edge, &last, why);
	shadow->first[side] = first > 0 ? first : 1;
	shadow->next[side] = last + 1;
	return code;
}

struct reading {
	struct shadow_log *log;
	int code;
	struct err_note *why;
};

static bool read_shadow(void *arg, struct slice key, struct slice value)
{
	struct reading *reading = arg;
	struct shadow_log *log = reading->log;
	struct byte_reader name_reader = key_read(key), reader;
	struct slice name = key_read_text(&name_reader), content, actor;
	struct shadow *shadow = &log->items[log->count];

	reading->code = keyspace_unseal(value, &content, reading->why);
	if (reading->code != 0 || log->count == SHADOW_COUNT_MAX)
		return false;
	reader = byte_reader_of(content);
	shadow->version = byte_reader_be32(&reader);
	shadow->since_ms = (int64_t)byte_reader_be64(&reader);
	actor = byte_reader_bytes(&reader, byte_reader_u8(&reader));
	if (reader.has_failed || name.length > SHADOW_NAME_BYTES_MAX) {
		reading->code = err_set(reading->why, ERR_CORRUPT, "a row of a shadow is damaged");
		return false;
	}
	snprintf(shadow->name, sizeof(shadow->name), "%.*s", (int)name.length, name.data);
	snprintf(shadow->actor, sizeof(shadow->actor), "%.*s", (int)actor.length, actor.data);
	log->count++;
	return true;
}

int shadow_log_new(struct shadow_log **out, struct kv *kv, struct commit *commit,
		   struct err_note *why)
{
	struct shadow_log *log = mem_alloc(sizeof(*log));
	struct reading reading = {.log = log, .why = why};
	int code;

	log->kv = kv;
	log->commit = commit;
	key_begin(&log->key, KEYSPACE_SHADOW);
	code = kv_scan(kv, bytes_slice(&log->key), false, read_shadow, &reading, why);
	if (code == 0)
		code = reading.code;
	for (uint32_t i = 0; code == 0 && i < log->count; i++) {
		code = read_edges(log, &log->items[i], SHADOW_ACTIVE, why);
		if (code == 0)
			code = read_edges(log, &log->items[i], SHADOW_SHADOW, why);
	}
	if (code != 0) {
		shadow_log_free(log);
		return code;
	}
	*out = log;
	return 0;
}

void shadow_log_free(struct shadow_log *log)
{
	if (log == NULL)
		return;
	bytes_deinit(&log->key);
	bytes_deinit(&log->content);
	bytes_deinit(&log->value);
	mem_free(log);
}

/* ---- shadows ---- */

uint32_t shadow_log_count(const struct shadow_log *log)
{
	return log->count;
}

const struct shadow *shadow_log_at(const struct shadow_log *log, uint32_t index)
{
	return &log->items[index];
}

static struct shadow *find(const struct shadow_log *log, const char *name)
{
	for (uint32_t i = 0; i < log->count; i++)
		if (strcmp(log->items[i].name, name) == 0)
			return (struct shadow *)&log->items[i];
	return NULL;
}

const struct shadow *shadow_log_find(const struct shadow_log *log, const char *name)
{
	return find(log, name);
}

static void put_shadow(struct shadow_log *log, const struct shadow *shadow)
{
	size_t length = strlen(shadow->actor);

	bytes_clear(&log->content);
	bytes_append_be32(&log->content, shadow->version);
	bytes_append_be64(&log->content, (uint64_t)shadow->since_ms);
	bytes_append_u8(&log->content, (uint8_t)length);
	bytes_append(&log->content, shadow->actor, length);
	shadow_key(&log->key, shadow->name);
	keyspace_seal(&log->value, bytes_slice(&log->content));
	kv_batch_put(commit_batch(log->commit), bytes_slice(&log->key), bytes_slice(&log->value));
}

int shadow_log_start(struct shadow_log *log, const char *name, uint32_t version, const char *actor,
		     int64_t now_ms, struct err_note *why)
{
	struct shadow *shadow;

	shadow_log_stop(log, name);
	if (log->count == SHADOW_COUNT_MAX)
		return err_set(why, ERR_FULL, "at most %d rules have a shadow at a time",
			       SHADOW_COUNT_MAX);
	shadow = &log->items[log->count++];
	*shadow = (struct shadow){
		.version = version, .since_ms = now_ms, .first = {1, 1}, .next = {1, 1}};
	snprintf(shadow->name, sizeof(shadow->name), "%s", name);
	snprintf(shadow->actor, sizeof(shadow->actor), "%s", actor);
	put_shadow(log, shadow);
	return 0;
}

bool shadow_log_stop(struct shadow_log *log, const char *name)
{
	struct shadow *shadow = find(log, name);
	struct kv_batch *batch = commit_batch(log->commit);

	if (shadow == NULL)
		return false;
	shadow_key(&log->key, name);
	kv_batch_delete(batch, bytes_slice(&log->key));
	for (uint32_t side = 0; side < 2; side++) {
		alert_key(&log->key, name, side, 0);
		alert_key(&log->value, name, side, UINT64_MAX);
		kv_batch_delete_range(batch, bytes_slice(&log->key), bytes_slice(&log->value));
	}
	*shadow = log->items[--log->count];
	return true;
}

/* ---- alerts ---- */

void shadow_log_add(struct shadow_log *log, const char *name, enum shadow_side side,
		    struct slice document)
{
	struct shadow *shadow = find(log, name);
	struct kv_batch *batch = commit_batch(log->commit);

	if (shadow == NULL)
		return;
	alert_key(&log->key, name, side, shadow->next[side]++);
	keyspace_seal(&log->value, document);
	kv_batch_put(batch, bytes_slice(&log->key), bytes_slice(&log->value));
	if (shadow->next[side] - shadow->first[side] <= SHADOW_ALERTS_MAX)
		return;
	alert_key(&log->key, name, side, shadow->first[side]++);
	kv_batch_delete(batch, bytes_slice(&log->key));
}

struct each_alert {
	void (*each)(void *arg, struct slice document);
	void *arg;
	int code;
	struct err_note *why;
};

static bool on_alert(void *arg, struct slice key, struct slice value)
{
	struct each_alert *each = arg;
	struct slice document;

	(void)key;
	each->code = keyspace_unseal(value, &document, each->why);
	if (each->code == 0)
		each->each(each->arg, document);
	return each->code == 0;
}

int shadow_log_each(const struct shadow_log *log, const char *name, enum shadow_side side,
		    void (*each)(void *arg, struct slice document), void *arg, struct err_note *why)
{
	struct each_alert on = {.each = each, .arg = arg, .why = why};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	alerts_key(&prefix, name, side);
	code = kv_scan(log->kv, bytes_slice(&prefix), false, on_alert, &on, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : on.code;
}
