#include "core/incident/incident_internal.h"

#include <jansson.h>

#include "core/base/err.h"
#include "core/incident/incident_text.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "storage/sealed.h"

static void put_record(struct incident_store *store, struct incident *incident, const char *kind,
		       const char *actor, const char *text, int64_t now_ms)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY, json = BYTES_EMPTY;
	uint32_t sequence = ++incident->timeline_count;
	key_begin(&key, KEYSPACE_TIMELINE);
	key_add_u64(&key, incident->number);
	key_add_u32(&key, sequence);
	timeline_append_json(incident, sequence, kind, actor, text, now_ms, &json);
	keyspace_seal(&value, bytes_slice(&json));
	kv_batch_put(commit_batch(store->options.commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
	bytes_deinit(&json);
}

void timeline_add(struct incident_store *store, struct incident *incident, const char *kind,
		  const char *actor, const char *text, bool is_fact, int64_t now_ms)
{
	/* Moves and commands are kept where facts no longer are. */
	uint32_t max = is_fact ? INCIDENT_TIMELINE_MAX : 2 * INCIDENT_TIMELINE_MAX;
	if (incident->timeline_count >= max - 1) {
		store->usage.timeline_dropped_count++;
		if (incident->timeline_count == max - 1)
			put_record(store, incident, "full", INCIDENT_SELF,
				   "the timeline is full, later facts are not kept", now_ms);
		return;
	}
	put_record(store, incident, kind, actor, text, now_ms);
}

int incident_each_timeline(const struct incident_store *store, uint64_t number,
			   void (*each)(void *arg, struct slice json), void *arg,
			   struct err_note *why)
{
	if (!store_find(store, number))
		return err_set(why, ERR_NOT_FOUND, "there is no incident %llu",
			       (unsigned long long)number);
	int code = commit_flush(store->options.commit, why);
	if (code != 0)
		return code;
	struct bytes prefix = BYTES_EMPTY;
	key_begin(&prefix, KEYSPACE_TIMELINE);
	key_add_u64(&prefix, number);
	code = sealed_each(store->options.kv, bytes_slice(&prefix), each, arg, why);
	bytes_deinit(&prefix);
	return code;
}

/* ---- the row from its timeline ---- */

static void fold(void *arg, struct slice text)
{
	json_t *row = arg, *record = json_loadb(text.data, text.length, 0, NULL);
	json_object_update(row, json_object_get(record, "set"));
	json_object_set(row, "state", json_object_get(record, "state"));
	json_object_set(row, "revision", json_object_get(record, "revision"));
	json_object_set(row, "timeline_count", json_object_get(record, "seq"));
	json_decref(record);
}

/** In the form of a row, through the struct: two that are equal have the same bytes. */
static int normalize(struct slice text, struct bytes *out, struct err_note *why)
{
	struct incident *incident = NULL;
	int code = incident_from_json(&incident, text, why);
	if (code != 0)
		return code;
	incident_append_row(incident, out);
	incident_free(incident);
	return 0;
}

static int read_stored(const struct incident_store *store, uint64_t number, struct bytes *out,
		       struct err_note *why)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	struct slice content;
	key_begin(&key, KEYSPACE_INCIDENT);
	key_add_u64(&key, number);
	int code = kv_get(store->options.kv, bytes_slice(&key), &value, why);
	if (code == 0)
		code = keyspace_unseal(bytes_slice(&value), &content, why);
	if (code == 0)
		code = normalize(content, out, why);
	bytes_deinit(&key);
	bytes_deinit(&value);
	return code;
}

int incident_rebuild(const struct incident_store *store, uint64_t number, struct bytes *rebuilt,
		     struct bytes *stored, struct err_note *why)
{
	json_t *row = json_pack("{s:i}", "row", INCIDENT_ROW_VERSION);
	int code = incident_each_timeline(store, number, fold, row, why);
	if (code == 0 && !json_object_get(row, "number"))
		code = err_set(why, ERR_NOT_FOUND,
			       "incident %llu has no record that a row can be made of yet: an "
			       "earlier build wrote its timeline",
			       (unsigned long long)number);
	struct bytes text = BYTES_EMPTY;
	incident_dump(row, &text);
	if (code == 0)
		code = normalize(bytes_slice(&text), rebuilt, why);
	if (code == 0)
		code = read_stored(store, number, stored, why);
	bytes_deinit(&text);
	return code;
}
