#include "storage/audit_log.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <jansson.h>
#include <stdlib.h>

struct audit_log {
	struct kv *kv;
	struct commit *commit;
	uint64_t first; /* sequence of the oldest row; `next` when there is none */
	uint64_t next;
};

enum { KEY_BYTES = 1 + 8 + 8 };

static bool key_parse(struct slice key, uint64_t *sequence, int64_t *time_ms)
{
	struct byte_reader reader = key_read(key);

	if (key.length != KEY_BYTES)
		return false;
	*sequence = byte_reader_be64(&reader);
	*time_ms = (int64_t)byte_reader_be64(&reader);
	return true;
}

struct edge {
	uint64_t sequence;
	bool is_damaged;
};

static bool look_at_edge(void *arg, struct slice key, struct slice value)
{
	struct edge *edge = arg;
	int64_t time_ms;

	(void)value;
	edge->is_damaged = !key_parse(key, &edge->sequence, &time_ms);
	return false;
}

static int find_edge(struct audit_log *log, bool is_last, uint64_t *out, struct err_note *why)
{
	struct edge edge = {0};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, KEYSPACE_AUDIT);
	code = kv_scan(log->kv, bytes_slice(&prefix), is_last, look_at_edge, &edge, why);
	bytes_deinit(&prefix);
	if (code == 0 && edge.is_damaged)
		code = err_set(why, ERR_CORRUPT, "a row of the audit log has a damaged key");
	*out = edge.sequence;
	return code;
}

int audit_log_new(struct audit_log **out, struct kv *kv, struct commit *commit,
		  struct err_note *why)
{
	struct audit_log *log = mem_alloc(sizeof(*log));
	uint64_t last = 0;
	int code;

	log->kv = kv;
	log->commit = commit;
	code = find_edge(log, false, &log->first, why);
	if (code == 0)
		code = find_edge(log, true, &last, why);
	if (code != 0) {
		mem_free(log);
		return code;
	}
	log->next = last + 1;
	if (log->first == 0)
		log->first = 1;
	*out = log;
	return 0;
}

void audit_log_free(struct audit_log *log)
{
	mem_free(log);
}

/** People write names and reasons: what is not UTF-8 is left out rather than refused here. */
static json_t *text_json(const char *text)
{
	json_t *json = text != NULL ? json_string(text) : NULL;

	return json != NULL ? json : json_string("");
}

static char *entry_text(const struct audit_entry *entry, uint64_t sequence)
{
	json_t *json = json_pack("{sI sI so so sI so sI so so}", "sequence", (json_int_t)sequence,
				 "time_ms", (json_int_t)entry->time_ms, "kind",
				 text_json(entry->kind), "name", text_json(entry->name), "version",
				 (json_int_t)entry->version, "action", text_json(entry->action),
				 "effective_ms", (json_int_t)entry->effective_ms, "actor",
				 text_json(entry->actor), "reason", text_json(entry->reason));
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text;
}

/** Rows [first, end) go. */
static void drop(struct audit_log *log, uint64_t first, uint64_t end)
{
	struct bytes from = BYTES_EMPTY, to = BYTES_EMPTY;

	key_begin(&from, KEYSPACE_AUDIT);
	key_add_u64(&from, first);
	key_begin(&to, KEYSPACE_AUDIT);
	key_add_u64(&to, end);
	kv_batch_delete_range(commit_batch(log->commit), bytes_slice(&from), bytes_slice(&to));
	bytes_deinit(&from);
	bytes_deinit(&to);
}

void audit_log_add(struct audit_log *log, const struct audit_entry *entry)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	char *text = entry_text(entry, log->next);

	key_begin(&key, KEYSPACE_AUDIT);
	key_add_u64(&key, log->next);
	key_add_time(&key, entry->time_ms);
	keyspace_seal(&value, slice_of(text));
	kv_batch_put(commit_batch(log->commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
	free(text);
	log->next++;
	/* In steps: each deletion of a range leaves a mark in the store until it is compacted. */
	if (log->next - log->first >= AUDIT_ROWS_MAX + AUDIT_DROP_STEP) {
		drop(log, log->first, log->next - AUDIT_ROWS_MAX);
		log->first = log->next - AUDIT_ROWS_MAX;
	}
}

uint64_t audit_log_mark(const struct audit_log *log)
{
	return log->next;
}

void audit_log_undo(struct audit_log *log, uint64_t mark)
{
	if (mark >= log->next)
		return;
	drop(log, mark, log->next);
	log->next = mark;
	if (log->first > mark)
		log->first = mark;
}

struct old_rows {
	int64_t before_ms;
	uint64_t end;
};

static bool pass_old(void *arg, struct slice key, struct slice value)
{
	struct old_rows *old = arg;
	uint64_t sequence;
	int64_t time_ms;

	(void)value;
	if (!key_parse(key, &sequence, &time_ms) || time_ms >= old->before_ms)
		return false;
	old->end = sequence + 1;
	return true;
}

int audit_log_trim(struct audit_log *log, int64_t before_ms, struct err_note *why)
{
	struct old_rows old = {before_ms, log->first};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, KEYSPACE_AUDIT);
	code = kv_scan(log->kv, bytes_slice(&prefix), false, pass_old, &old, why);
	bytes_deinit(&prefix);
	if (old.end >= log->next)
		old.end = log->next - 1; /* the last row keeps the number */
	if (code == 0 && old.end > log->first) {
		drop(log, log->first, old.end);
		log->first = old.end;
	}
	return code;
}

void audit_log_counters(const struct audit_log *log, struct audit_counters *out)
{
	*out = (struct audit_counters){log->next - 1, log->first - 1};
}

struct walk {
	bool (*each)(void *arg, struct slice json);
	void *arg;
	struct err_note *why;
	int code;
};

static bool give_row(void *arg, struct slice key, struct slice value)
{
	struct walk *walk = arg;
	struct slice content;

	(void)key;
	walk->code = keyspace_unseal(value, &content, walk->why);
	if (walk->code != 0)
		err_prefix(walk->why, "a row of the audit log");
	return walk->code == 0 && walk->each(walk->arg, content);
}

int audit_log_each(const struct audit_log *log, bool (*each)(void *arg, struct slice json),
		   void *arg, struct err_note *why)
{
	struct walk walk = {each, arg, why, 0};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, KEYSPACE_AUDIT);
	code = kv_scan(log->kv, bytes_slice(&prefix), true, give_row, &walk, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : walk.code;
}
