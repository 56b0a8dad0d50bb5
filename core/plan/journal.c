#include "core/plan/journal.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_json.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "storage/sealed.h"

#include <xxhash.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum field_kind { FIELD_TEXT, FIELD_JSON, FIELD_NUMBER, FIELD_FLAG };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

#define FIELD(name, kind, member)                                                                  \
	{                                                                                          \
		name, kind, offsetof(struct journal_record, member)                                \
	}
static const struct field fields[] = {
	FIELD("time_ms", FIELD_NUMBER, time_ms),
	FIELD("scope", FIELD_TEXT, scope),
	FIELD("step", FIELD_TEXT, step),
	FIELD("id", FIELD_TEXT, id),
	FIELD("action", FIELD_TEXT, action),
	FIELD("args", FIELD_JSON, args_json),
	FIELD("opts", FIELD_JSON, opts_json),
	FIELD("hash", FIELD_TEXT, hash),
	FIELD("effect", FIELD_TEXT, effect),
	FIELD("result", FIELD_JSON, result_json),
	FIELD("error", FIELD_TEXT, error),
	FIELD("actor", FIELD_TEXT, actor),
	FIELD("via", FIELD_TEXT, via),
	FIELD("reason", FIELD_TEXT, reason),
	FIELD("text", FIELD_TEXT, text),
	FIELD("params", FIELD_JSON, params_json),
	FIELD("incident_state", FIELD_JSON, incident_json),
	FIELD("winner", FIELD_TEXT, winner),
	FIELD("order", FIELD_JSON, order_json),
	FIELD("attempt", FIELD_NUMBER, attempt),
	FIELD("due_ms", FIELD_NUMBER, due_ms),
	FIELD("late_by_ms", FIELD_NUMBER, late_by_ms),
	FIELD("incident", FIELD_NUMBER, incident),
	FIELD("version", FIELD_NUMBER, version),
	FIELD("started", FIELD_NUMBER, started),
	FIELD("format", FIELD_NUMBER, format),
	FIELD("paused_ms", FIELD_NUMBER, paused_ms),
	FIELD("child", FIELD_TEXT, child),
	FIELD("fence", FIELD_NUMBER, fence),
	FIELD("final", FIELD_FLAG, is_final),
	FIELD("drill", FIELD_FLAG, is_drill),
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

static const char *const type_names[] = {
#define RECORD_NAME(name, text) text,
	RECORD_LIST(RECORD_NAME)
#undef RECORD_NAME
};

enum { TYPE_COUNT = sizeof(type_names) / sizeof(type_names[0]) };

const char *record_type_name(enum record_type type)
{
	return type_names[type];
}

bool record_opens_call(enum record_type type)
{
	switch (type) {
	case RECORD_STEP_SCHEDULED:
	case RECORD_TIMER_SET:
	case RECORD_ASK_OPENED:
	case RECORD_SIGNAL_AWAITED:
	case RECORD_VALUE:
	case RECORD_LOCK_AWAITED:
	case RECORD_LOCK_FREED:
	case RECORD_CHILD_STARTED:
	case RECORD_BRANCHES_OPENED: return true;
	case RECORD_RUN_STARTED:
	case RECORD_STEP_ATTEMPT:
	case RECORD_STEP_DONE:
	case RECORD_STEP_FAILED:
	case RECORD_STEP_IN_DOUBT:
	case RECORD_STEP_PROBED:
	case RECORD_TIMER_FIRED:
	case RECORD_ASK_VOTED:
	case RECORD_ASK_ANSWERED:
	case RECORD_SIGNAL_SENT:
	case RECORD_SIGNAL_RECEIVED:
	case RECORD_LOCK_TAKEN:
	case RECORD_CHILD_ENDED:
	case RECORD_CHOICE:
	case RECORD_MIGRATED:
	case RECORD_OPERATOR:
	case RECORD_RUN_ENDED: return false;
	}
	return false;
}

/* Absent: NULL texts, numbers that are 0, flags that are false. */
static json_t *field_json(const struct field *field, const struct journal_record *record)
{
	const void *place = (const char *)record + field->offset;
	switch (field->kind) {
	case FIELD_TEXT: {
		const char *text = *(const char *const *)place;
		return text ? plan_json_clean(slice_of(text), SIZE_MAX) : NULL;
	}
	case FIELD_JSON: {
		const char *text = *(const char *const *)place;
		return text ? plan_json_parse(text) : NULL;
	}
	case FIELD_NUMBER: {
		int64_t number = *(const int64_t *)place;
		return number != 0 ? json_integer(number) : NULL;
	}
	case FIELD_FLAG: return *(const bool *)place ? json_true() : NULL;
	}
	return NULL;
}

void journal_encode(const struct journal_record *record, struct bytes *out)
{
	json_t *json = json_object();
	json_object_set_new(json, "seq", json_integer(record->sequence));
	json_object_set_new(json, "type", json_string(record_type_name(record->type)));
	for (int i = 0; i < FIELD_COUNT; i++) {
		json_t *value = field_json(&fields[i], record);
		if (value)
			json_object_set_new(json, fields[i].name, value);
	}
	plan_json_append(json, out);
	json_decref(json);
}

static char *keep_json(struct arena *arena, const json_t *json)
{
	struct bytes text = BYTES_EMPTY;
	plan_json_append(json, &text);
	char *kept = arena_copy(arena, text.data, text.length);
	bytes_deinit(&text);
	return kept;
}

static bool read_field(const struct field *field, const json_t *value, struct arena *arena,
		       struct journal_record *record)
{
	void *place = (char *)record + field->offset;
	switch (field->kind) {
	case FIELD_TEXT:
		if (!json_is_string(value))
			return false;
		*(const char **)place = arena_copy_text(arena, json_string_value(value));
		return true;
	case FIELD_JSON: *(const char **)place = keep_json(arena, value); return true;
	case FIELD_NUMBER:
		*(int64_t *)place = json_integer_value(value);
		return json_is_integer(value);
	case FIELD_FLAG: *(bool *)place = json_is_true(value); return json_is_boolean(value);
	}
	return false;
}

static bool read_record(const json_t *json, struct arena *arena, struct journal_record *record)
{
	const char *name = json_string_value(json_object_get(json, "type"));
	json_int_t sequence = json_integer_value(json_object_get(json, "seq"));
	int type = 0;
	while (name && type < TYPE_COUNT && strcmp(type_names[type], name) != 0)
		type++;
	if (!name || type == TYPE_COUNT || sequence < 1 || sequence > RUN_RECORDS_MAX)
		return false;
	record->type = (enum record_type)type;
	record->sequence = (uint32_t)sequence;
	for (int i = 0; i < FIELD_COUNT; i++) {
		const json_t *value = json_object_get(json, fields[i].name);
		if (value && !read_field(&fields[i], value, arena, record))
			return false;
	}
	return !record_opens_call(record->type) || (record->step && record->id && record->hash);
}

int journal_decode(struct slice text, struct arena *arena, struct journal_record *out,
		   struct err_note *why)
{
	json_error_t error;
	json_t *json = json_loadb(text.data, text.length, 0, &error);
	if (!json)
		return err_set(why, ERR_CORRUPT, "a journal record is not JSON: %s", error.text);
	struct journal_record record = {0};
	bool is_good = read_record(json, arena, &record);
	json_decref(json);
	if (!is_good)
		return err_set(why, ERR_CORRUPT, "a journal record has missing or wrong fields");
	*out = record;
	return 0;
}

static void make_prefix(struct bytes *key, const char *run_id)
{
	key_begin(key, KEYSPACE_JOURNAL);
	key_add_text(key, run_id);
}

uint32_t journal_put(struct kv_batch *batch, const char *run_id,
		     const struct journal_record *record)
{
	struct bytes key = BYTES_EMPTY, json = BYTES_EMPTY, value = BYTES_EMPTY;
	make_prefix(&key, run_id);
	key_add_u32(&key, record->sequence);
	journal_encode(record, &json);
	keyspace_seal(&value, bytes_slice(&json));
	kv_batch_put(batch, bytes_slice(&key), bytes_slice(&value));
	uint32_t length = (uint32_t)json.length;
	bytes_deinit(&key);
	bytes_deinit(&json);
	bytes_deinit(&value);
	return length;
}

void journal_delete(struct kv_batch *batch, const char *run_id)
{
	struct bytes from = BYTES_EMPTY, to = BYTES_EMPTY;
	make_prefix(&from, run_id);
	make_prefix(&to, run_id);
	key_add_u32(&to, UINT32_MAX);
	kv_batch_delete_range(batch, bytes_slice(&from), bytes_slice(&to));
	bytes_deinit(&from);
	bytes_deinit(&to);
}

int journal_each(struct kv *kv, const char *run_id, void (*each)(void *arg, struct slice json),
		 void *arg, struct err_note *why)
{
	struct bytes prefix = BYTES_EMPTY;
	make_prefix(&prefix, run_id);
	int code = sealed_each(kv, bytes_slice(&prefix), each, arg, why);
	bytes_deinit(&prefix);
	return code;
}

struct read_context {
	struct arena *arena;
	struct journal *journal;
	uint32_t capacity;
	int code;
	struct err_note *why;
};

static void read_one(void *arg, struct slice json)
{
	struct read_context *context = arg;
	struct journal *journal = context->journal;
	if (context->code != 0)
		return;
	if (journal->count == context->capacity) {
		context->capacity = context->capacity == 0 ? 16 : context->capacity * 2;
		struct journal_record *grown =
			arena_alloc(context->arena, context->capacity * sizeof(*grown));
		if (journal->count > 0)
			memcpy(grown, journal->records, journal->count * sizeof(*grown));
		journal->records = grown;
	}
	struct journal_record *record = &journal->records[journal->count];
	context->code = journal_decode(json, context->arena, record, context->why);
	if (context->code == 0 && record->sequence != journal->count + 1)
		context->code = err_set(context->why, ERR_CORRUPT, "record %u is missing",
					journal->count + 1);
	if (context->code == 0)
		journal->count++;
	journal->bytes += json.length;
}

int journal_read(struct kv *kv, const char *run_id, struct arena *arena, struct journal *out,
		 struct err_note *why)
{
	struct journal journal = {0};
	struct read_context context = {arena, &journal, 0, 0, why};
	int code = journal_each(kv, run_id, read_one, &context, why);
	code = code != 0 ? code : context.code;
	if (code != 0) {
		err_prefix(why, "journal of run %s", run_id);
		return code;
	}
	*out = journal;
	return 0;
}

void journal_hash(struct slice text, char out[33])
{
	XXH128_hash_t hash = XXH3_128bits(text.data, text.length);
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
}
