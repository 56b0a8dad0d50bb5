#include "core/incident/incident_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

void incident_free(struct incident *incident)
{
	if (!incident)
		return;
	mem_free(incident->key);
	mem_free(incident->title);
	mem_free(incident->rule);
	mem_free(incident->severity);
	mem_free(incident->category);
	mem_free(incident->message);
	mem_free(incident->labels_json);
	mem_free(incident->dimension_json);
	mem_free(incident->owner);
	mem_free(incident->acked_by);
	mem_free(incident->commander);
	mem_free(incident->scribe);
	mem_free(incident->liaison);
	mem_free(incident->comms);
	mem_free(incident->seen);
	names_deinit(&incident->merchants);
	names_deinit(&incident->services);
	members_free(incident);
	mem_free(incident);
}

struct incident *store_find(const struct incident_store *store, uint64_t number)
{
	uint32_t low = 0, high = store->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (store->incidents[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == store->count || store->incidents[low]->number != number)
		return NULL;
	return store->incidents[low];
}

const struct incident *incident_find(const struct incident_store *store, uint64_t number)
{
	return store_find(store, number);
}

void store_count_open(struct incident_store *store, const struct incident *incident, int change)
{
	uint64_t count;
	store->open_count += (uint32_t)change;
	if (!incident->category)
		return;
	count = number_map_find(&store->open_counts, incident->category);
	if (count + (uint64_t)change == 0)
		number_map_remove(&store->open_counts, incident->category, count);
	else
		number_map_put(&store->open_counts, incident->category, count + (uint64_t)change);
}

uint64_t incident_open_count_of(const struct incident_store *store, const char *category)
{
	return number_map_find(&store->open_counts, category);
}

void store_add(struct incident_store *store, struct incident *incident)
{
	REQUIRE(incident->number > store->number_last);
	if (store->count == store->capacity) {
		store->capacity = store->capacity == 0 ? 64 : store->capacity * 2;
		store->incidents =
			mem_grow(store->incidents, store->capacity, sizeof(struct incident *));
	}
	store->incidents[store->count++] = incident;
	store->number_last = incident->number;
	if (incident_is_open(incident->state))
		store_count_open(store, incident, 1);
	number_map_put(&store->by_key, incident->key, incident->number);
}

void store_trim(struct incident_store *store, uint32_t closed_max)
{
	uint32_t closed = store->count - store->open_count;
	if (closed <= closed_max)
		return;
	uint32_t excess = closed - closed_max, kept = 0;
	for (uint32_t i = 0; i < store->count; i++) {
		struct incident *incident = store->incidents[i];
		if (excess > 0 && !incident_is_open(incident->state) &&
		    incident->active_runs == 0) {
			excess--;
			number_map_remove(&store->by_key, incident->key, incident->number);
			incident_free(incident);
			continue;
		}
		store->incidents[kept++] = incident;
	}
	store->count = kept;
}

void store_save(struct incident_store *store, const struct incident *incident)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY, json = BYTES_EMPTY;
	key_begin(&key, KEYSPACE_INCIDENT);
	key_add_u64(&key, incident->number);
	incident_append_row(incident, &json);
	keyspace_seal(&value, bytes_slice(&json));
	kv_batch_put(commit_batch(store->options.commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
	bytes_deinit(&json);
}

struct load_context {
	struct incident_store *store;
	int code;
	struct err_note *why;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct load_context *context = arg;
	struct slice json;
	struct incident *incident = NULL;
	struct byte_reader reader = key_read(key);
	uint64_t number = byte_reader_be64(&reader);
	context->code = keyspace_unseal(value, &json, context->why);
	if (context->code == 0)
		context->code = incident_from_json(&incident, json, context->why);
	if (context->code == 0 && (reader.has_failed || incident->number != number)) {
		incident_free(incident);
		context->code =
			err_set(context->why, ERR_CORRUPT, "it is stored under another number");
	}
	if (context->code != 0) {
		err_prefix(context->why, "incident %llu", (unsigned long long)number);
		return false;
	}
	store_add(context->store, incident);
	if (incident->firing_count > 0) { /* as rows were: with their list */
		members_enter(context->store, incident);
		store_save(context->store, incident);
	}
	/* In steps, so that a long history never stands in memory as a whole. */
	store_trim(context->store, INCIDENTS_CLOSED_MAX + INCIDENTS_CLOSED_MAX / 8);
	return true;
}

/** What fires has asked for so much already: only more of it raises a priority. */
static void note_demands(struct incident_store *store)
{
	for (uint32_t i = 0; i < store->count; i++) {
		if (incident_is_open(store->incidents[i]->state))
			priority_note_demand(store, store->incidents[i]);
	}
}

int incident_store_new(struct incident_store **out, const struct incident_options *options,
		       struct err_note *why)
{
	struct incident_store *store = mem_alloc(sizeof(*store));
	store->options = *options;
	store->options.settings = NULL;
	if (options->settings)
		store->settings = *options->settings;
	else
		incident_settings_default(&store->settings);
	store->open_max = INCIDENTS_OPEN_MAX;
	number_map_init(&store->by_key, options->seed);
	number_map_init(&store->open_counts, options->seed);
	pointer_map_init(&store->members, options->seed);
	struct bytes prefix = BYTES_EMPTY;
	key_begin(&prefix, KEYSPACE_INCIDENT);
	struct load_context context = {store, 0, why};
	int code = kv_scan(options->kv, bytes_slice(&prefix), false, load_one, &context, why);
	bytes_deinit(&prefix);
	code = code != 0 ? code : context.code;
	code = code != 0 ? code : members_load(store, why);
	if (code != 0) {
		incident_store_free(store);
		return code;
	}
	store_trim(store, INCIDENTS_CLOSED_MAX);
	note_demands(store);
	*out = store;
	return 0;
}

void incident_configure(struct incident_store *store, const struct incident_settings *settings)
{
	store->settings = *settings;
	store->due_ms = 0;
	note_demands(store);
}

void incident_store_free(struct incident_store *store)
{
	if (!store)
		return;
	for (uint32_t i = 0; i < store->count; i++)
		incident_free(store->incidents[i]);
	mem_free(store->incidents);
	number_map_deinit(&store->by_key);
	number_map_deinit(&store->open_counts);
	pointer_map_deinit(&store->members);
	mem_free(store);
}

void incident_each(const struct incident_store *store, bool open_only,
		   void (*each)(void *arg, const struct incident *incident), void *arg)
{
	for (uint32_t i = 0; i < store->count; i++) {
		if (!open_only || incident_is_open(store->incidents[i]->state))
			each(arg, store->incidents[i]);
	}
}

void incident_usage(const struct incident_store *store, struct incident_usage *out)
{
	*out = store->usage;
	out->open_count = store->open_count;
}
