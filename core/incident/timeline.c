#include "core/incident/incident_internal.h"

#include "core/base/err.h"
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
		  const char *actor, const char *text, int64_t now_ms)
{
	if (incident->timeline_count >= INCIDENT_TIMELINE_MAX) {
		store->usage.timeline_dropped_count++;
		return;
	}
	if (incident->timeline_count == INCIDENT_TIMELINE_MAX - 1) {
		store->usage.timeline_dropped_count++;
		put_record(store, incident, "full", "engine",
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
