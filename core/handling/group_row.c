#include "core/handling/group.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/handling/row.h"
#include "storage/kv.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* ---- the document ---- */

struct tally {
	uint32_t firing_count, resolved_count, repeat_count;
	bool is_firing; /* at the end: the last of some key is not a resolve */
	const char *severity;
	XXH3_state_t *hash;
};

static int rank_of(const char *severity)
{
	static const char *const ranks[] = {"info", "warning", "critical"};

	for (int i = 0; severity != NULL && i < 3; i++)
		if (strcmp(ranks[i], severity) == 0)
			return i;
	return -1;
}

static void tally_up(struct handling *handling, const struct group *group, struct tally *tally)
{
	struct key_table last; /* of each key, whether its last state is a resolve */
	uint8_t *is_resolved = mem_alloc_array(group->held_count + 1, sizeof(*is_resolved));
	bool is_new;

	key_table_init(&last, handling->options.seed);
	for (const struct held *held = group->first; held != NULL; held = held->next) {
		is_resolved[key_table_put(&last, bytes_slice(&held->key), &is_new)] =
			held->is_resolved;
		tally->resolved_count += held->is_resolved;
		tally->firing_count += !held->is_resolved;
		if (rank_of(held->severity) > rank_of(tally->severity))
			tally->severity = held->severity;
		XXH3_128bits_update(tally->hash, held->id, strlen(held->id));
		if (held->repeat_count >
		    0) { /* another document than the first with these alerts */
			tally->repeat_count++;
			XXH3_128bits_update(tally->hash, &held->repeat_count,
					    sizeof(held->repeat_count));
		}
	}
	for (uint32_t i = 0; i < last.count; i++)
		tally->is_firing |= !is_resolved[i];
	key_table_deinit(&last);
	mem_free(is_resolved);
}

static void hex_digest(XXH3_state_t *hash, char id[HEX_ID_BYTES])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash));
	for (size_t i = 0; i < sizeof(canonical.digest); i++)
		snprintf(id + 2 * i, 3, "%02x", canonical.digest[i]);
}

void group_append_document(struct handling *handling, const struct group *group,
			   char id[HEX_ID_BYTES], struct bytes *out)
{
	struct tally tally = {.hash = XXH3_createState()};

	XXH3_128bits_reset(tally.hash);
	XXH3_128bits_update(tally.hash, group->id, strlen(group->id));
	tally_up(handling, group, &tally);
	hex_digest(tally.hash, id);
	XXH3_freeState(tally.hash);
	row_begin(out);
	row_text(out, "id", id);
	row_text(out, "group", group->id);
	row_text(out, "route", group->route);
	row_key(out, "by");
	bytes_append_text(out, group->by_json);
	row_text(out, "state", tally.is_firing ? "firing" : "resolved");
	row_text(out, "severity", tally.severity);
	row_int(out, "alert_count", group->held_count);
	row_int(out, "firing_count", tally.firing_count);
	row_int(out, "resolved_count", tally.resolved_count);
	if (tally.repeat_count > 0)
		row_int(out, "repeat_count", tally.repeat_count);
	row_key(out, "alerts");
	bytes_append_char(out, '[');
	for (const struct held *held = group->first; held != NULL; held = held->next) {
		if (held != group->first)
			bytes_append_char(out, ',');
		bytes_append_text(out, held->document);
	}
	bytes_append_char(out, ']');
	row_end(out);
}

/* ---- rows ---- */

void group_key(struct bytes *key, const char *id)
{
	key_begin(key, KEYSPACE_GROUP);
	key_add_bytes(key, slice_of(id));
}

void held_key(struct bytes *key, const char *id, uint32_t sequence)
{
	key_begin(key, KEYSPACE_HELD);
	key_add_bytes(key, slice_of(id));
	key_add_u32(key, sequence);
}

void group_save(struct handling *handling, const struct group *group)
{
	struct bytes key = BYTES_EMPTY, row = BYTES_EMPTY;

	group_key(&key, group->id);
	row_begin(&row);
	row_text(&row, "route", group->route);
	row_text(&row, "output", group->output);
	row_text(&row, "by", group->by_json);
	row_int(&row, "wait_ms", group->wait_ms);
	row_int(&row, "interval_ms", group->interval_ms);
	row_int(&row, "flush_ms", group->flush_ms);
	row_int(&row, "sent_ms", group->sent_ms);
	row_end(&row);
	row_put(handling->options.commit, &key, &row);
	bytes_deinit(&key);
	bytes_deinit(&row);
}

void held_save(struct handling *handling, const struct group *group, const struct held *held)
{
	struct bytes key = BYTES_EMPTY, row = BYTES_EMPTY;

	held_key(&key, group->id, held->sequence);
	row_begin(&row);
	row_text(&row, "id", held->id);
	row_hex(&row, "key", bytes_slice(&held->key));
	row_int(&row, "order", (int64_t)held->order);
	row_bool(&row, "resolved", held->is_resolved);
	row_int(&row, "repeat", held->repeat_count);
	row_text(&row, "severity", held->severity);
	row_text(&row, "document", held->document);
	row_end(&row);
	row_put(handling->options.commit, &key, &row);
	bytes_deinit(&key);
	bytes_deinit(&row);
}

/* ---- reading ---- */

struct loading {
	struct handling *handling;
	int code;
	struct err_note *why;
};

static bool load_group(struct handling *handling, struct slice id, const json_t *row)
{
	const char *route = row_get_text(row, "route"), *output = row_get_text(row, "output");
	const char *by_json = row_get_text(row, "by");
	struct group *group;

	if (id.length != HEX_ID_BYTES - 1 || route == NULL || output == NULL || by_json == NULL)
		return false;
	group = mem_alloc(sizeof(*group));
	memcpy(group->id, id.data, id.length);
	group->route = mem_copy_text(route);
	group->output = mem_copy_text(output);
	group->by_json = mem_copy_text(by_json);
	group->wait_ms = row_get_int(row, "wait_ms");
	group->interval_ms = row_get_int(row, "interval_ms");
	group->flush_ms = row_get_int(row, "flush_ms");
	group->sent_ms = row_get_int(row, "sent_ms");
	pointer_map_put(&handling->groups, slice_of(group->id), group);
	return true;
}

static bool load_held(struct handling *handling, struct slice key, const json_t *row)
{
	struct byte_reader reader = key_read(key);
	struct slice group_id = byte_reader_bytes(&reader, HEX_ID_BYTES - 1);
	uint32_t sequence = byte_reader_be32(&reader);
	struct group *group = pointer_map_find(&handling->groups, group_id);
	const char *id = row_get_text(row, "id"), *document = row_get_text(row, "document");
	struct open_alert *open;
	struct held *held;

	if (reader.has_failed || group == NULL || id == NULL || strlen(id) >= ALERT_ID_BYTES ||
	    document == NULL)
		return false;
	held = mem_alloc(sizeof(*held));
	held->sequence = sequence;
	memcpy(held->id, id, strlen(id));
	held->order = (uint64_t)row_get_int(row, "order");
	held->repeat_count = (uint32_t)row_get_int(row, "repeat");
	held->is_resolved = json_is_true(json_object_get(row, "resolved"));
	held->severity = row_take_text(row, "severity");
	held->document = mem_copy_text(document);
	if (!row_get_hex(row, "key", &held->key)) {
		held_free(held);
		return false;
	}
	group_append(handling, group, held);
	open = held_find(handling, held);
	if (open != NULL)
		open->held_count++;
	return true;
}

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct slice content;
	json_t *row;
	bool is_good;

	loading->code = keyspace_unseal(value, &content, loading->why);
	if (loading->code != 0)
		return false;
	row = json_loadb(content.data, content.length, 0, NULL);
	is_good = key.data[0] == KEYSPACE_HELD
			  ? load_held(loading->handling, key, row)
			  : load_group(loading->handling,
				       (struct slice){key.data + 1, key.length - 1}, row);
	json_decref(row);
	if (!is_good)
		loading->code = err_set(loading->why, ERR_CORRUPT,
					"a stored group of alerts has missing or wrong fields");
	return is_good;
}

int groups_load(struct handling *handling, struct err_note *why)
{
	static const enum keyspace spaces[] = {KEYSPACE_GROUP, KEYSPACE_HELD};
	int code = 0;

	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]) && code == 0; i++) {
		struct loading loading = {handling, 0, why};
		char prefix[] = {(char)spaces[i]};

		code = kv_scan(handling->options.kv, (struct slice){prefix, 1}, false, load_one,
			       &loading, why);
		code = code != 0 ? code : loading.code;
	}
	return code;
}
