/* Rows of a history: into the gathering batch, and back from memory or the store. */
#include "core/engine/engine_history.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <string.h>

static void row_key(struct bytes *key, const char *rule, enum history_kind kind)
{
	key_begin(key, KEYSPACE_HISTORY);
	bytes_append_u8(key, (uint8_t)kind);
	if (rule != NULL)
		key_add_text(key, rule);
}

static void time_key(struct bytes *key, const char *rule, enum history_kind kind, int64_t time)
{
	row_key(key, rule, kind);
	key_add_signed(key, time);
}

static void put(struct engine *engine, struct slice content)
{
	keyspace_seal(&engine->value, content);
	kv_batch_put(commit_batch(engine->options.commit), bytes_slice(&engine->key),
		     bytes_slice(&engine->value));
}

void engine_history_put(struct engine *engine, const char *rule, enum history_kind kind,
			struct slice name, struct slice content)
{
	if (engine->options.commit == NULL)
		return;
	row_key(&engine->key, rule, kind);
	key_add_bytes(&engine->key, name);
	put(engine, content);
}

void engine_history_put_at(struct engine *engine, const char *rule, enum history_kind kind,
			   int64_t time, struct slice content)
{
	if (engine->options.commit == NULL)
		return;
	time_key(&engine->key, rule, kind, time);
	put(engine, content);
}

void engine_history_delete(struct engine *engine, const char *rule, enum history_kind kind,
			   struct slice name)
{
	if (engine->options.commit == NULL)
		return;
	row_key(&engine->key, rule, kind);
	key_add_bytes(&engine->key, name);
	kv_batch_delete(commit_batch(engine->options.commit), bytes_slice(&engine->key));
}

void engine_history_delete_before(struct engine *engine, const char *rule, enum history_kind kind,
				  int64_t before)
{
	if (engine->options.commit == NULL)
		return;
	row_key(&engine->key, rule, kind);
	time_key(&engine->value, rule, kind, before);
	kv_batch_delete_range(commit_batch(engine->options.commit), bytes_slice(&engine->key),
			      bytes_slice(&engine->value));
}

void engine_history_drop(struct engine *engine, const char *rule)
{
	static const enum history_kind kinds[] = {
		HISTORY_BEGIN,    HISTORY_WINDOW,     HISTORY_DAY,  HISTORY_PART,
		HISTORY_LEFT_OUT, HISTORY_CATEGORIES, HISTORY_TREND};

	if (engine->options.commit == NULL)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		row_key(&engine->key, rule, kinds[i]);
		row_key(&engine->value, rule, kinds[i]);
		/* The first key that does not begin so: a name ends with a 0. */
		engine->value.data[engine->value.length - 1] = 1;
		kv_batch_delete_range(commit_batch(engine->options.commit),
				      bytes_slice(&engine->key), bytes_slice(&engine->value));
	}
}

/* ---- back from the store ---- */

struct scan {
	size_t prefix_bytes;
	bool (*each)(void *arg, struct slice name, struct slice content);
	void *arg;
	bool is_damaged;
	struct err_note why;
};

static bool scan_row(void *arg, struct slice key, struct slice value)
{
	struct scan *scan = arg;
	struct slice name = {key.data + scan->prefix_bytes, key.length - scan->prefix_bytes};
	struct slice content;

	if (keyspace_unseal(value, &content, &scan->why) != 0 ||
	    !scan->each(scan->arg, name, content))
		scan->is_damaged = true;
	return !scan->is_damaged;
}

bool engine_history_scan(struct engine *engine, const char *rule, enum history_kind kind,
			 bool (*each)(void *arg, struct slice name, struct slice content),
			 void *arg)
{
	struct scan scan = {.each = each, .arg = arg};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	if (engine->options.commit == NULL)
		return true;
	row_key(&prefix, rule, kind);
	scan.prefix_bytes = prefix.length;
	code = kv_scan(engine->options.kv, bytes_slice(&prefix), false, scan_row, &scan, &scan.why);
	bytes_deinit(&prefix);
	if (code == 0 && !scan.is_damaged)
		return true;
	log_error(RULE, "rule %s: its stored history is damaged, it begins again: %s",
		  rule != NULL ? rule : "?", scan.why.text);
	return false;
}

/* ---- rows of one kind ---- */

static uint64_t commits_of(const struct engine *engine)
{
	struct commit_usage usage;

	if (engine->options.commit == NULL)
		return 0;
	commit_usage(engine->options.commit, &usage);
	return usage.commit_count;
}

/** Its batch was gathering while another may have been on its way. */
static bool is_durable(const struct history_row *row, uint64_t commit_count)
{
	return commit_count >= row->commit_count + 2;
}

static void forget_first(struct history_rows *rows)
{
	bytes_deinit(&rows->rows[rows->first].content);
	rows->first++;
	rows->count--;
	if (rows->count == 0)
		rows->first = 0;
}

static struct history_row *add_row(struct history_rows *rows)
{
	if (rows->first + rows->count == rows->capacity && rows->first > rows->count) {
		memmove(rows->rows, rows->rows + rows->first, rows->count * sizeof(*rows->rows));
		rows->first = 0;
	}
	if (rows->first + rows->count == rows->capacity) {
		rows->capacity = rows->capacity == 0 ? 16 : 2 * rows->capacity;
		rows->rows = mem_grow(rows->rows, rows->capacity, sizeof(*rows->rows));
	}
	return &rows->rows[rows->first + rows->count++];
}

void engine_history_keep(struct engine *engine, const char *rule, struct history_rows *rows,
			 int64_t time, struct slice content)
{
	uint64_t commit_count = commits_of(engine);
	struct history_row *row;

	while (engine->options.commit != NULL && rows->count > 0 &&
	       is_durable(&rows->rows[rows->first], commit_count))
		forget_first(rows);
	engine_history_put_at(engine, rule, rows->kind, time, content);
	row = add_row(rows);
	*row = (struct history_row){.time = time, .commit_count = commit_count};
	bytes_append_slice(&row->content, content);
}

static const struct history_row *find_row(const struct history_rows *rows, int64_t time)
{
	uint32_t low = rows->first, high = rows->first + rows->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rows->rows[middle].time < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rows->first + rows->count && rows->rows[low].time == time ? &rows->rows[low]
									       : NULL;
}

bool engine_history_find(struct engine *engine, const char *rule, const struct history_rows *rows,
			 int64_t time, struct slice *content)
{
	const struct history_row *row = find_row(rows, time);
	struct err_note why = {0};
	int code;

	if (row != NULL) {
		*content = bytes_slice(&row->content);
		return true;
	}
	if (engine->options.commit == NULL)
		return false;
	time_key(&engine->key, rule, rows->kind, time);
	bytes_clear(&engine->value);
	code = kv_get(engine->options.kv, bytes_slice(&engine->key), &engine->value, &why);
	if (code == 0)
		code = keyspace_unseal(bytes_slice(&engine->value), content, &why);
	if (code != 0 && code != ERR_NOT_FOUND)
		log_error(RULE, "rule %s: a row of its history cannot be read: %s", rule, why.text);
	return code == 0;
}

void engine_history_forget(struct engine *engine, const char *rule, struct history_rows *rows,
			   int64_t before, int64_t step)
{
	while (rows->count > 0 && rows->rows[rows->first].time < before)
		forget_first(rows);
	if (rows->dropped != TIME_NONE && before - rows->dropped < step)
		return;
	/* Deleting costs the store something: many rows at once. */
	engine_history_delete_before(engine, rule, rows->kind, before);
	rows->dropped = before;
}

void engine_history_rows_free(struct history_rows *rows)
{
	while (rows->count > 0)
		forget_first(rows);
	mem_free(rows->rows);
	rows->rows = NULL;
	rows->capacity = 0;
}
