#include "core/escalation/override_store.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/handling/row.h"
#include "core/oncall/schedule.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <inttypes.h>
#include <string.h>

static const char number_name[] = "override_number";

struct override_store {
	struct kv *kv;
	struct commit *commit;
	struct stored_override *rows; /* by rising number; texts owned */
	uint32_t count;
	uint64_t number_last;
};

static void row_deinit(struct stored_override *row)
{
	mem_free((char *)(uintptr_t)row->schedule);
	mem_free((char *)(uintptr_t)row->person);
	mem_free((char *)(uintptr_t)row->actor);
	mem_free((char *)(uintptr_t)row->reason);
}

/* ---- rows ---- */

static void make_key(uint64_t number, struct bytes *key)
{
	key_begin(key, KEYSPACE_OVERRIDE);
	key_add_u64(key, number);
}

static void save(struct override_store *store, const struct stored_override *row)
{
	struct bytes key = BYTES_EMPTY, content = BYTES_EMPTY;

	make_key(row->number, &key);
	row_begin(&content);
	row_int(&content, "number", (int64_t)row->number);
	row_text(&content, "schedule", row->schedule);
	row_text(&content, "person", row->person);
	row_int(&content, "from_ms", row->from_ms);
	row_int(&content, "to_ms", row->to_ms);
	row_text(&content, "actor", row->actor);
	row_text(&content, "reason", row->reason);
	row_int(&content, "created_ms", row->created_ms);
	row_end(&content);
	row_put(store->commit, &key, &content);
	bytes_deinit(&key);
	bytes_deinit(&content);
}

/** So that a number is not used again when its row has gone. */
static void save_number(struct override_store *store)
{
	struct bytes key = BYTES_EMPTY, content = BYTES_EMPTY;

	key_begin(&key, KEYSPACE_META);
	key_add_text(&key, number_name);
	bytes_append_format(&content, "%" PRIu64, store->number_last);
	row_put(store->commit, &key, &content);
	bytes_deinit(&key);
	bytes_deinit(&content);
}

static void append(struct override_store *store, const struct stored_override *row)
{
	store->rows = mem_grow(store->rows, store->count + 1, sizeof(*store->rows));
	store->rows[store->count++] = *row;
	if (row->number > store->number_last)
		store->number_last = row->number;
}

static int decode(struct override_store *store, struct slice content, struct err_note *why)
{
	json_t *json = json_loadb(content.data, content.length, 0, NULL);
	struct stored_override row = {
		.number = (uint64_t)row_get_int(json, "number"),
		.schedule = row_take_text(json, "schedule"),
		.person = row_take_text(json, "person"),
		.from_ms = row_get_int(json, "from_ms"),
		.to_ms = row_get_int(json, "to_ms"),
		.actor = row_take_text(json, "actor"),
		.reason = row_take_text(json, "reason"),
		.created_ms = row_get_int(json, "created_ms"),
	};
	int code = 0;

	json_decref(json);
	if (row.number == 0 || row.schedule == NULL || row.person == NULL || row.actor == NULL)
		code = err_set(why, ERR_CORRUPT, "a stored override has missing or wrong fields");
	if (code == 0)
		append(store, &row);
	else
		row_deinit(&row);
	return code;
}

struct loading {
	struct override_store *store;
	int code;
	struct err_note *why;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct slice content;

	(void)key;
	loading->code = keyspace_unseal(value, &content, loading->why);
	if (loading->code == 0)
		loading->code = decode(loading->store, content, loading->why);
	return loading->code == 0;
}

static int load_number(struct override_store *store, struct err_note *why)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	struct slice content;
	uint64_t number = 0;
	int code;

	key_begin(&key, KEYSPACE_META);
	key_add_text(&key, number_name);
	code = kv_get(store->kv, bytes_slice(&key), &value, why);
	if (code == 0)
		code = keyspace_unseal(bytes_slice(&value), &content, why);
	for (size_t i = 0; code == 0 && i < content.length; i++)
		number = number * 10 + (uint64_t)(content.data[i] - '0');
	if (number > store->number_last)
		store->number_last = number;
	bytes_deinit(&key);
	bytes_deinit(&value);
	return code == ERR_NOT_FOUND ? 0 : code;
}

int override_store_new(struct override_store **out, struct kv *kv, struct commit *commit,
		       struct err_note *why)
{
	struct override_store *store = mem_alloc(sizeof(*store));
	struct loading loading = {store, 0, why};
	char prefix[] = {KEYSPACE_OVERRIDE};
	int code;

	store->kv = kv;
	store->commit = commit;
	code = kv_scan(kv, (struct slice){prefix, 1}, false, load_one, &loading, why);
	code = code != 0 ? code : loading.code;
	if (code == 0)
		code = load_number(store, why);
	if (code != 0) {
		override_store_free(store);
		return code;
	}
	*out = store;
	return 0;
}

void override_store_free(struct override_store *store)
{
	if (store == NULL)
		return;
	for (uint32_t i = 0; i < store->count; i++)
		row_deinit(&store->rows[i]);
	mem_free(store->rows);
	mem_free(store);
}

/* ---- commands ---- */

static void drop(struct override_store *store, uint32_t index)
{
	struct bytes key = BYTES_EMPTY;

	make_key(store->rows[index].number, &key);
	row_delete(store->commit, &key);
	bytes_deinit(&key);
	row_deinit(&store->rows[index]);
	store->count--;
	memmove(store->rows + index, store->rows + index + 1,
		(store->count - index) * sizeof(*store->rows));
}

static void trim(struct override_store *store, int64_t now_ms)
{
	for (uint32_t i = store->count; i-- > 0;)
		if (store->rows[i].to_ms < now_ms - OVERRIDE_KEPT_MS)
			drop(store, i);
}

static int check(const struct config *config, const struct stored_override *row, int64_t now_ms,
		 struct err_note *why)
{
	if (config_find_schedule(config, row->schedule) == NULL)
		return err_set(why, ERR_NOT_FOUND, "the site has no schedule \"%.64s\"",
			       row->schedule);
	if (config_find_person(config, row->person) == NULL)
		return err_set(why, ERR_NOT_FOUND, "the site has nobody called \"%.64s\"",
			       row->person);
	if (row->from_ms % ONCALL_STEP_MS != 0 || row->to_ms % ONCALL_STEP_MS != 0)
		return err_set(why, ERR_INVALID, "an override begins and ends at whole minutes");
	if (row->to_ms <= row->from_ms || row->to_ms <= now_ms)
		return err_set(why, ERR_INVALID,
			       "an override must end after it begins, and after now");
	if (row->to_ms - row->from_ms > OVERRIDE_SPAN_MS_MAX)
		return err_set(why, ERR_INVALID, "an override may last 366 days at most");
	if (row->reason != NULL && strlen(row->reason) > OVERRIDE_TEXT_BYTES_MAX)
		return err_set(why, ERR_INVALID, "the reason has more than %d bytes",
			       OVERRIDE_TEXT_BYTES_MAX);
	return 0;
}

int override_store_add(struct override_store *store, const struct config *config,
		       struct stored_override *override, int64_t now_ms, struct err_note *why)
{
	int code = check(config, override, now_ms, why);

	if (code != 0)
		return code;
	trim(store, now_ms);
	if (store->count >= ONCALL_OVERRIDES_MAX)
		return err_set(why, ERR_FULL,
			       "there are %d overrides, and no more are possible: remove one that "
			       "is not needed",
			       ONCALL_OVERRIDES_MAX);
	override->number = store->number_last + 1;
	override->created_ms = now_ms;
	struct stored_override row = *override;
	row.schedule = mem_copy_text(override->schedule);
	row.person = mem_copy_text(override->person);
	row.actor = mem_copy_text(override->actor);
	row.reason = mem_copy_text(override->reason);
	append(store, &row);
	save(store, &row);
	save_number(store);
	return 0;
}

static uint32_t index_of(const struct override_store *store, uint64_t number)
{
	uint32_t i = 0;

	while (i < store->count && store->rows[i].number != number)
		i++;
	return i;
}

int override_store_remove(struct override_store *store, uint64_t number, struct err_note *why)
{
	uint32_t index = index_of(store, number);

	if (index == store->count)
		return err_set(why, ERR_NOT_FOUND,
			       "there is no override %" PRIu64 " that was added by command "
			       "(see oncall override list)",
			       number);
	drop(store, index);
	return 0;
}

const struct stored_override *override_store_find(const struct override_store *store,
						  uint64_t number)
{
	uint32_t index = index_of(store, number);

	return index < store->count ? &store->rows[index] : NULL;
}

void override_store_each(const struct override_store *store,
			 void (*each)(void *arg, const struct stored_override *override), void *arg)
{
	for (uint32_t i = 0; i < store->count; i++)
		each(arg, &store->rows[i]);
}

uint32_t override_store_count(const struct override_store *store)
{
	return store->count;
}

const struct oncall_person *override_store_who(const struct override_store *store,
					       const struct config *config,
					       const struct oncall_schedule *schedule,
					       int64_t utc_ms)
{
	uint32_t count = store != NULL ? store->count : 0, used = 0;
	struct oncall_override *more = mem_alloc_array(count + 1, sizeof(*more));
	const struct oncall_person *person;
	struct oncall_schedule merged;

	for (uint32_t i = 0; i < count; i++) {
		const struct stored_override *row = &store->rows[i];

		more[used].person = config_find_person(config, row->person);
		more[used].from_ms = row->from_ms;
		more[used].to_ms = row->to_ms;
		if (strcmp(row->schedule, schedule->name) == 0 && more[used].person != NULL)
			used++;
	}
	oncall_merge(schedule, more, used, &merged);
	person = oncall_who(&merged, utc_ms);
	mem_free(merged.overrides);
	mem_free(more);
	return person;
}
