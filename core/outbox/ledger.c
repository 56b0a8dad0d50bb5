#include "core/outbox/ledger.h"

#include "core/base/bytes.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

static void make_key(const struct ledger *ledger, uint64_t incident, struct bytes *key)
{
	bytes_init(key);
	key_begin(key, KEYSPACE_LEDGER);
	key_add_text(key, ledger->output);
	key_add_u64(key, incident);
}

static bool find_stored(const struct ledger *ledger, uint64_t incident, struct ledger_entry *out)
{
	struct bytes key, value = BYTES_EMPTY;
	struct slice content = {NULL, 0};
	json_t *row = NULL;
	const char *room, *ts;

	make_key(ledger, incident, &key);
	/* A damaged entry is none: the incident gets a new message. */
	if (kv_get(ledger->kv, bytes_slice(&key), &value, NULL) == 0 &&
	    keyspace_unseal(bytes_slice(&value), &content, NULL) == 0)
		row = json_loadb(content.data, content.length, 0, NULL);
	room = json_string_value(json_object_get(row, "room"));
	ts = json_string_value(json_object_get(row, "ts"));
	if (room != NULL && ts != NULL) {
		out->incident = incident;
		snprintf(out->room, sizeof(out->room), "%s", room);
		snprintf(out->ts, sizeof(out->ts), "%s", ts);
	}
	bytes_deinit(&key);
	bytes_deinit(&value);
	json_decref(row);
	return room != NULL && ts != NULL;
}

bool ledger_find(const struct ledger *ledger, uint64_t incident, struct ledger_entry *out)
{
	if (incident == 0)
		return false;
	/* The newest first. */
	for (uint32_t back = 1; back <= LEDGER_RECENT; back++) {
		const struct ledger_entry *entry =
			&ledger->recent[(ledger->next + LEDGER_RECENT - back) % LEDGER_RECENT];

		if (entry->incident != incident)
			continue;
		*out = *entry;
		return entry->ts[0] != '\0';
	}
	return ledger->kv != NULL && find_stored(ledger, incident, out);
}

static void remember(struct ledger *ledger, const struct ledger_entry *entry)
{
	ledger->recent[ledger->next] = *entry;
	ledger->next = (ledger->next + 1) % LEDGER_RECENT;
}

void ledger_put(struct ledger *ledger, const struct ledger_entry *entry)
{
	struct bytes key, value = BYTES_EMPTY;
	json_t *row;
	char *text;

	remember(ledger, entry);
	if (ledger->kv == NULL)
		return;
	row = json_pack("{s:s, s:s}", "room", entry->room, "ts", entry->ts);
	text = json_dumps(row, JSON_COMPACT);
	make_key(ledger, entry->incident, &key);
	keyspace_seal(&value, slice_of(text));
	kv_batch_put(commit_batch(ledger->commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
	free(text);
	json_decref(row);
}

void ledger_forget(struct ledger *ledger, uint64_t incident)
{
	const struct ledger_entry gone = {.incident = incident};
	struct bytes key;

	remember(ledger, &gone);
	if (ledger->kv == NULL)
		return;
	make_key(ledger, incident, &key);
	kv_batch_delete(commit_batch(ledger->commit), bytes_slice(&key));
	bytes_deinit(&key);
}
