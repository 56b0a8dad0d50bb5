#include "core/rule/versions_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
#define VERSION_STATE_NAME(name, text) [VERSION_##name] = (text),
	VERSION_STATE_LIST(VERSION_STATE_NAME)
#undef VERSION_STATE_NAME
};

const char *version_state_name(enum version_state state)
{
	return state_names[state];
}

static int state_parse(const char *text)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (strcmp(state_names[i], text) == 0)
			return (int)i;
	return -1;
}

/** Actors and reasons come from people: what is not UTF-8 is left out rather than refused here. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : json_string("");
}

static json_t *row_json(const struct version_row *row)
{
	return json_pack("{sI ss sb sb sb sb sI sI sI sI ss ss so so}", "number",
			 (json_int_t)row->number, "state", state_names[row->state], "active",
			 row->is_active, "was_active", row->was_active, "quarantined",
			 row->is_quarantined, "missing", row->is_missing, "first_seen",
			 (json_int_t)row->first_seen_ms, "effective", (json_int_t)row->effective_ms,
			 "changed", (json_int_t)row->changed_ms, "activated",
			 (json_int_t)row->activated_ms, "hash", row->hash, "type", row->type,
			 "actor", text_json(row->actor), "reason", text_json(row->reason));
}

void versions_persist(const struct versions *versions, const struct version_name *name)
{
	json_t *list = json_array();
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	char *text;

	for (uint32_t i = 0; i < name->entry_count; i++)
		json_array_append_new(list, row_json(&name->entries[i].row));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	key_begin(&key, versions->space);
	key_add_bytes(&key, slice_of(name->name));
	keyspace_seal(&value, slice_of(text));
	if (name->entry_count > 0)
		kv_batch_put(commit_batch(versions->commit), bytes_slice(&key),
			     bytes_slice(&value));
	else
		kv_batch_delete(commit_batch(versions->commit), bytes_slice(&key));
	bytes_deinit(&key);
	bytes_deinit(&value);
	free(text);
}

static bool row_parse(json_t *json, struct version_row *row)
{
	const char *state, *hash, *type, *actor, *reason;
	json_int_t number, first_seen, effective, changed, activated = 0;
	int is_active, was_active, is_quarantined, is_missing;

	if (json_unpack(json, "{sI ss sb sb sb sb sI sI sI s?I ss ss ss ss}", "number", &number,
			"state", &state, "active", &is_active, "was_active", &was_active,
			"quarantined", &is_quarantined, "missing", &is_missing, "first_seen",
			&first_seen, "effective", &effective, "changed", &changed, "activated",
			&activated, "hash", &hash, "type", &type, "actor", &actor, "reason",
			&reason) != 0 ||
	    state_parse(state) < 0 || number < 1 || number > UINT32_MAX)
		return false;
	*row = (struct version_row){
		.number = (uint32_t)number,
		.state = (enum version_state)state_parse(state),
		.is_active = is_active != 0,
		.was_active = was_active != 0,
		.is_quarantined = is_quarantined != 0,
		.is_missing = is_missing != 0,
		.first_seen_ms = first_seen,
		.effective_ms = effective,
		.changed_ms = changed,
		.activated_ms = activated,
	};
	snprintf(row->hash, sizeof(row->hash), "%s", hash);
	snprintf(row->type, sizeof(row->type), "%s", type);
	snprintf(row->actor, sizeof(row->actor), "%s", actor);
	snprintf(row->reason, sizeof(row->reason), "%s", reason);
	return true;
}

struct restore {
	struct versions *versions;
	struct err_note *why;
	int code;
};

static int restore_rows(struct restore *restore, const char *name, struct slice content)
{
	json_t *list = json_loadb(content.data, content.length, 0, NULL);
	struct version_name *into = versions_add_name(restore->versions, name);
	size_t index;
	json_t *item;
	int code = json_is_array(list) ? 0 : ERR_CORRUPT;

	json_array_foreach(list, index, item)
	{
		struct version_row row;

		if (!row_parse(item, &row)) {
			code = ERR_CORRUPT;
			break;
		}
		version_name_insert(into, row.number)->row = row;
	}
	json_decref(list);
	if (code != 0)
		return err_set(restore->why, code, "the stored versions of %.100s are damaged",
			       name);
	return 0;
}

static bool restore_name(void *arg, struct slice key, struct slice value)
{
	struct restore *restore = arg;
	char name[VERSION_NAME_BYTES_MAX + 1];
	struct slice content;

	if (key.length < 2 || key.length - 1 >= sizeof(name)) {
		restore->code = err_set(restore->why, ERR_CORRUPT,
					"a stored version has a name of %zu bytes", key.length - 1);
		return false;
	}
	memcpy(name, key.data + 1, key.length - 1);
	name[key.length - 1] = '\0';
	restore->code = keyspace_unseal(value, &content, restore->why);
	if (restore->code == 0)
		restore->code = restore_rows(restore, name, content);
	return restore->code == 0;
}

int versions_restore(struct versions *versions, struct err_note *why)
{
	struct restore restore = {versions, why, 0};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, versions->space);
	code = kv_scan(versions->kv, bytes_slice(&prefix), false, restore_name, &restore, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : restore.code;
}
