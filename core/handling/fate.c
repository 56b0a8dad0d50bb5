#include "core/handling/handling_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/handling/row.h"
#include "core/model/dimension.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <stdarg.h>
#include <string.h>

/*  What was decided of an alert at once is in one row with it; what happened to it later has a row
 *  for each event, so that nothing is read to be written again. */

enum { EVENT_TEXT_BYTES_MAX = 2048 };

static void fate_key(struct bytes *key, const char *id)
{
	key_begin(key, KEYSPACE_FATE);
	key_add_bytes(key, slice_of(id));
}

/* ---- dedupe ---- */

/** What is not durable yet is among the ids of late; the rest is in the store. */
bool fate_is_known(struct handling *handling, const char *id)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	bool is_known, is_new;

	for (int i = 0; i < 2; i++)
		if (key_table_find(&handling->seen[i], slice_of(id)) != KEY_TABLE_NONE)
			return true;
	fate_key(&key, id);
	is_known = kv_get(handling->options.kv, bytes_slice(&key), &value, NULL) == 0;
	bytes_deinit(&key);
	bytes_deinit(&value);
	if (handling->seen[0].count >= SEEN_IDS_MAX) {
		struct key_table older = handling->seen[1];

		handling->seen[1] = handling->seen[0];
		handling->seen[0] = older;
		key_table_clear(&handling->seen[0]);
	}
	if (!is_known)
		key_table_put(&handling->seen[0], slice_of(id), &is_new);
	return is_known;
}

/* ---- writing ---- */

void fate_begin(struct handling *handling, const struct alert *alert)
{
	memcpy(handling->fate.id, alert->id, sizeof(handling->fate.id));
	bytes_clear(&handling->fate.events);
}

static void append_event(struct bytes *out, const char *kind, const char *output, const char *text,
			 int64_t now_ms)
{
	row_begin(out);
	row_int(out, "at_ms", now_ms);
	row_text(out, "kind", kind);
	row_text(out, "output", output);
	row_text(out, "text", text);
	row_end(out);
}

void fate_add(struct handling *handling, const char *id, const char *kind, const char *output,
	      int64_t now_ms, const char *format, ...)
{
	struct bytes key = BYTES_EMPTY, row = BYTES_EMPTY;
	char text[EVENT_TEXT_BYTES_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strcmp(handling->fate.id, id) == 0) {
		if (handling->fate.events.length > 0)
			bytes_append_char(&handling->fate.events, ',');
		append_event(&handling->fate.events, kind, output, text, now_ms);
		return;
	}
	append_event(&row, kind, output, text, now_ms);
	fate_key(&key, id);
	key_add_signed(&key, now_ms);
	key_add_u32(&key, handling->event_count++);
	row_put(handling->options.commit, &key, &row);
	bytes_deinit(&key);
	bytes_deinit(&row);
}

void fate_end(struct handling *handling, const struct alert *alert, int64_t now_ms)
{
	struct bytes key = BYTES_EMPTY, row = BYTES_EMPTY, text = BYTES_EMPTY;

	dimension_append_text(alert->key, &text);
	row_begin(&row);
	row_text(&row, "id", alert->id);
	row_int(&row, "time_ms", alert->window_end_ms);
	row_int(&row, "received_ms", now_ms);
	row_text(&row, "rule", alert->rule);
	row_int(&row, "version", alert->version);
	row_text(&row, "key", text.length > 0 ? text.data : "");
	row_text(&row, "state", alert_state_name(alert->state));
	row_text(&row, "severity", alert->severity);
	row_key(&row, "events");
	bytes_append_char(&row, '[');
	bytes_append_slice(&row, bytes_slice(&handling->fate.events));
	bytes_append_char(&row, ']');
	row_end(&row);
	fate_key(&key, alert->id);
	row_put(handling->options.commit, &key, &row);
	handling->fate.id[0] = '\0';
	bytes_deinit(&key);
	bytes_deinit(&row);
	bytes_deinit(&text);
}

/* ---- reading ---- */

static bool add_event(void *arg, struct slice key, struct slice value)
{
	json_t *events = arg;
	struct slice content;
	json_t *event;

	(void)key;
	if (keyspace_unseal(value, &content, NULL) != 0)
		return true;
	event = json_loadb(content.data, content.length, 0, NULL);
	/* The first row is the alert's own: its events come first. */
	if (json_is_array(json_object_get(event, "events")))
		json_array_extend(events, json_object_get(event, "events"));
	else if (event != NULL)
		json_array_append(events, event);
	json_decref(event);
	return true;
}

static int read_row(struct handling *handling, const struct bytes *key, json_t **out,
		    struct err_note *why)
{
	struct bytes value = BYTES_EMPTY;
	struct slice content;
	int code = kv_get(handling->options.kv, bytes_slice(key), &value, why);

	if (code == 0)
		code = keyspace_unseal(bytes_slice(&value), &content, why);
	if (code == 0) {
		*out = json_loadb(content.data, content.length, 0, NULL);
		code = *out != NULL ? 0 : err_set(why, ERR_CORRUPT, "a stored row is not JSON");
	}
	bytes_deinit(&value);
	return code;
}

/** With all its events, those of later as well. */
static int read_fate(struct handling *handling, const char *id, json_t **out, struct err_note *why)
{
	struct bytes key = BYTES_EMPTY;
	json_t *events = json_array();
	int code;

	fate_key(&key, id);
	code = read_row(handling, &key, out, why);
	if (code == 0)
		code = kv_scan(handling->options.kv, bytes_slice(&key), false, add_event, events,
			       why);
	if (code == 0)
		json_object_set(*out, "events", events);
	json_decref(events);
	bytes_deinit(&key);
	return code;
}

static void append_json(const json_t *json, struct bytes *out)
{
	char *text = json_dumps(json, JSON_COMPACT);

	bytes_append_text(out, text);
	free(text);
}

static void log_key(struct bytes *key, int64_t time_ms, const char *id)
{
	key_begin(key, KEYSPACE_ALERT_LOG);
	key_add_time(key, time_ms);
	key_add_bytes(key, slice_of(id));
}

int handling_append_fate(struct handling *handling, const char *id, struct bytes *out,
			 struct err_note *why)
{
	struct bytes key = BYTES_EMPTY;
	json_t *fate = NULL, *document = NULL;
	int code = commit_flush(handling->options.commit, why);

	if (code == 0)
		code = read_fate(handling, id, &fate, why);
	if (code == ERR_NOT_FOUND)
		err_set(why, code, "there is no alert %.64s", id);
	else if (code != 0)
		err_prefix(why, "the record of alert %.64s", id);
	if (code == 0) {
		log_key(&key, row_get_int(fate, "time_ms"), id);
		if (read_row(handling, &key, &document, NULL) == 0)
			json_object_set_new(fate, "document", document);
		append_json(fate, out);
	}
	json_decref(fate);
	bytes_deinit(&key);
	return code;
}

/* ---- lists ---- */

/** Ids of the alert log, as they are found. */
struct listing {
	char (*ids)[ALERT_ID_BYTES];
	uint32_t count, capacity, max;
	int64_t before_ms; /* trimming: only older ones */
};

static bool list_id(void *arg, struct slice key, struct slice value)
{
	struct listing *listing = arg;
	struct byte_reader reader = key_read(key);
	int64_t time_ms = (int64_t)byte_reader_be64(&reader);

	(void)value;
	if (reader.has_failed || reader.left != ALERT_ID_BYTES - 1)
		return true;
	if (time_ms >= listing->before_ms || listing->count == listing->max)
		return false;
	if (listing->count == listing->capacity) {
		listing->capacity = listing->capacity == 0 ? 64 : 2 * listing->capacity;
		listing->ids = mem_grow(listing->ids, listing->capacity, sizeof(*listing->ids));
	}
	memcpy(listing->ids[listing->count], reader.data, reader.left);
	listing->ids[listing->count++][ALERT_ID_BYTES - 1] = '\0';
	return true;
}

static int list_ids(struct handling *handling, bool is_backward, struct listing *listing,
		    struct err_note *why)
{
	char prefix[] = {KEYSPACE_ALERT_LOG};

	return kv_scan(handling->options.kv, (struct slice){prefix, 1}, is_backward, list_id,
		       listing, why);
}

static bool is_of(const json_t *fate, const char *rule)
{
	const char *name = row_get_text(fate, "rule");

	return rule == NULL || (name != NULL && strcmp(name, rule) == 0);
}

int handling_each_fate(struct handling *handling, const char *rule, uint32_t max,
		       void (*each)(void *arg, struct slice json), void *arg, struct err_note *why)
{
	struct listing listing = {.max = rule != NULL ? HANDLING_LIST_MAX : max,
				  .before_ms = INT64_MAX};
	int code = commit_flush(handling->options.commit, why);

	if (code == 0)
		code = list_ids(handling, true, &listing, why);
	for (uint32_t i = 0, given = 0; code == 0 && i < listing.count && given < max; i++) {
		struct bytes text = BYTES_EMPTY;
		json_t *fate = NULL;

		/* Alerts of an earlier version of the program have no record. */
		if (read_fate(handling, listing.ids[i], &fate, NULL) == 0 && is_of(fate, rule)) {
			append_json(fate, &text);
			each(arg, bytes_slice(&text));
			given++;
		}
		json_decref(fate);
		bytes_deinit(&text);
	}
	mem_free(listing.ids);
	return code;
}

static bool delete_row(void *arg, struct slice key, struct slice value)
{
	struct handling *handling = arg;

	(void)value;
	kv_batch_delete(commit_batch(handling->options.commit), key);
	return true;
}

int handling_trim(struct handling *handling, int64_t before_ms, int64_t now_ms,
		  struct err_note *why)
{
	struct listing listing = {.max = UINT32_MAX, .before_ms = before_ms};
	struct bytes key = BYTES_EMPTY;
	int code = list_ids(handling, false, &listing, why);

	for (uint32_t i = 0; code == 0 && i < listing.count; i++) {
		fate_key(&key, listing.ids[i]);
		code = kv_scan(handling->options.kv, bytes_slice(&key), false, delete_row, handling,
			       why);
	}
	silences_trim(handling->silences, now_ms);
	mem_free(listing.ids);
	bytes_deinit(&key);
	return code;
}
