#include "core/handling/handling_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/handling/row.h"
#include "core/model/dimension.h"
#include "storage/kv.h"

#include <stdlib.h>
#include <string.h>

const char *wait_name(enum wait wait)
{
	switch (wait) {
#define WAIT_CASE(name, text)                                                                      \
	case WAIT_##name: return text;
		WAIT_LIST(WAIT_CASE)
#undef WAIT_CASE
	}
	return "?";
}

/* ---- writing ---- */

static void append_told(const struct open_alert *open, struct bytes *row)
{
	row_key(row, "told");
	bytes_append_char(row, '[');
	for (uint32_t i = 0; i < open->told_count; i++) {
		const struct told *told = &open->told[i];

		if (i > 0)
			bytes_append_char(row, ',');
		row_begin(row);
		row_text(row, "output", told->output);
		row_text(row, "route", told->route);
		row_text(row, "by", told->by_json);
		row_text(row, "sent", told->sent_id);
		row_int(row, "told_ms", told->told_ms);
		row_int(row, "repeats", told->repeat_count);
		row_end(row);
	}
	bytes_append_char(row, ']');
}

static void append_alert(const struct alert *alert, struct bytes *row)
{
	row_text(row, "id", alert->id);
	row_int(row, "version", alert->version);
	row_text(row, "state", alert_state_name(alert->state));
	row_text(row, "severity", alert->severity);
	row_text(row, "title", alert->title);
	row_text(row, "labels", alert->labels_json);
	row_text(row, "message", alert->message);
	row_text(row, "category", alert->category);
	row_text(row, "reason", alert->reason);
	row_int(row, "window_start_ms", alert->window_start_ms);
	row_int(row, "window_end_ms", alert->window_end_ms);
	row_texts(row, "by", alert->by, alert->by_count);
}

static void append_wait(const struct open_alert *open, struct bytes *row)
{
	row_text(row, "wait", wait_name(open->wait));
	if (open->wait == WAIT_NONE)
		return;
	row_int(row, "until_ms", open->wait_until_ms);
	row_int(row, "wait_order", (int64_t)open->wait_order);
	if (open->wait == WAIT_SILENCED)
		row_int(row, "silence", (int64_t)open->silence);
	if (open->wait == WAIT_INHIBITED)
		row_text(row, "inhibit", open->inhibit_name);
	if (open->wait == WAIT_INHIBITED && open->inhibitor != NULL)
		row_hex(row, "inhibitor", bytes_slice(&open->inhibitor->key));
}

void open_save(struct handling *handling, const struct open_alert *open)
{
	struct bytes key = BYTES_EMPTY, row = BYTES_EMPTY;

	if (!open->is_tracked)
		return;
	key_begin(&key, KEYSPACE_OPEN_ALERT);
	key_add_bytes(&key, bytes_slice(&open->key));
	row_begin(&row);
	append_alert(&open->alert, &row);
	row_text(&row, "output", open->output);
	row_text(&row, "incident_key", open->incident_key);
	row_int(&row, "opened_ms", open->opened_ms);
	row_int(&row, "order", (int64_t)open->order);
	append_told(open, &row);
	append_wait(open, &row);
	row_text(&row, "en", open->documents[LANGUAGE_EN]);
	row_text(&row, "zh", open->documents[LANGUAGE_ZH]);
	row_end(&row);
	row_put(handling->options.commit, &key, &row);
	bytes_deinit(&key);
	bytes_deinit(&row);
}

/** For people: status, lists, preview. */
void open_append_json(const struct open_alert *open, struct bytes *out)
{
	struct bytes text = BYTES_EMPTY;

	row_begin(out);
	row_text(out, "id", open->alert.id);
	row_text(out, "rule", open->alert.rule);
	dimension_append_text(open->alert.key, &text);
	row_text(out, "key", text.length > 0 ? text.data : "");
	row_text(out, "state", alert_state_name(open->alert.state));
	row_text(out, "severity", open->alert.severity);
	row_int(out, "opened_ms", open->opened_ms);
	row_text(out, "wait", wait_name(open->wait));
	if (open->wait == WAIT_SILENCED)
		row_int(out, "silence", (int64_t)open->silence);
	if (open->wait == WAIT_INHIBITED && open->inhibitor != NULL) {
		bytes_clear(&text);
		open_append_id(&open->inhibitor->alert, &text);
		row_text(out, "inhibitor", text.data);
	}
	append_told(open, out);
	row_end(out);
	bytes_deinit(&text);
}

/* ---- reading ---- */

static bool read_state(const char *text, enum alert_state *out)
{
	static const enum alert_state states[] = {ALERT_FIRING, ALERT_NODATA};

	for (size_t i = 0; text != NULL && i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(text, alert_state_name(states[i])) == 0) {
			*out = states[i];
			return true;
		}
	return false;
}

static bool read_told(const json_t *list, struct open_alert *open)
{
	size_t index;
	const json_t *row;

	json_array_foreach(list, index, row)
	{
		const char *output = row_get_text(row, "output");
		const char *sent = row_get_text(row, "sent");
		struct told *told;

		if (output == NULL || sent == NULL || strlen(sent) >= ALERT_ID_BYTES)
			return false;
		told = open_add_told(open, output, row_get_text(row, "route"),
				     row_get_text(row, "by"));
		memcpy(told->sent_id, sent, strlen(sent));
		told->told_ms = row_get_int(row, "told_ms");
		told->repeat_count = (uint32_t)row_get_int(row, "repeats");
	}
	return json_is_array(list);
}

static bool read_wait(const json_t *row, struct open_alert *open)
{
	const char *name = row_get_text(row, "wait");

	for (int wait = WAIT_NONE; name != NULL && wait <= WAIT_INHIBITED; wait++) {
		if (strcmp(name, wait_name((enum wait)wait)) != 0)
			continue;
		open->wait = (enum wait)wait;
		open->wait_until_ms = row_get_int(row, "until_ms");
		open->wait_order = (uint64_t)row_get_int(row, "wait_order");
		open->silence = (uint64_t)row_get_int(row, "silence");
		open->inhibit_name = row_take_text(row, "inhibit");
		row_get_hex(row, "inhibitor", &open->inhibitor_key);
		return true;
	}
	return false;
}

/** The alert as the row has it, borrowed from it; false: damaged. */
static bool read_alert(const json_t *row, const char *by[DIMENSION_FIELDS_MAX], struct alert *out)
{
	const json_t *list = json_object_get(row, "by");
	const char *id = row_get_text(row, "id");
	size_t count = json_array_size(list);

	if (id == NULL || strlen(id) >= ALERT_ID_BYTES || count > DIMENSION_FIELDS_MAX ||
	    !read_state(row_get_text(row, "state"), &out->state))
		return false;
	memcpy(out->id, id, strlen(id));
	out->version = (uint32_t)row_get_int(row, "version");
	out->severity = row_get_text(row, "severity");
	out->title = row_get_text(row, "title");
	out->labels_json = row_get_text(row, "labels");
	out->message = row_get_text(row, "message");
	out->category = row_get_text(row, "category");
	out->reason = row_get_text(row, "reason");
	out->window_start_ms = row_get_int(row, "window_start_ms");
	out->window_end_ms = row_get_int(row, "window_end_ms");
	for (size_t i = 0; i < count; i++) {
		by[i] = json_string_value(json_array_get(list, i));
		if (by[i] == NULL)
			return false;
	}
	out->by = by;
	out->by_count = (uint32_t)count;
	return true;
}

static struct open_alert *decode(struct slice key, const json_t *row)
{
	const char *by[DIMENSION_FIELDS_MAX] = {NULL};
	struct byte_reader reader = key_read(key);
	struct alert alert = {.rule = key_read_text(&reader).data};
	struct open_alert *open;

	alert.key = byte_reader_bytes(&reader, reader.left);
	if (reader.has_failed || row_get_text(row, "output") == NULL ||
	    !read_alert(row, by, &alert))
		return NULL;
	open = open_new(&alert, row_get_text(row, "output"), row_get_text(row, "incident_key"),
			row_get_int(row, "opened_ms"));
	open->order = (uint64_t)row_get_int(row, "order");
	open->documents[LANGUAGE_EN] = row_take_text(row, "en");
	open->documents[LANGUAGE_ZH] = row_take_text(row, "zh");
	if (read_told(json_object_get(row, "told"), open) && read_wait(row, open))
		return open;
	open_free(open);
	return NULL;
}

struct loading {
	struct open_alert **alerts;
	uint32_t count, capacity;
	int code;
	struct err_note *why;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct open_alert *open;
	struct slice content;
	json_t *row;

	loading->code = keyspace_unseal(value, &content, loading->why);
	if (loading->code != 0)
		return false;
	row = json_loadb(content.data, content.length, 0, NULL);
	open = decode(key, row);
	json_decref(row);
	if (open == NULL) {
		loading->code = err_set(loading->why, ERR_CORRUPT,
					"a stored open alert has missing or wrong fields");
		return false;
	}
	if (loading->count == loading->capacity) {
		loading->capacity = loading->capacity == 0 ? 64 : 2 * loading->capacity;
		loading->alerts =
			mem_grow(loading->alerts, loading->capacity, sizeof(*loading->alerts));
	}
	loading->alerts[loading->count++] = open;
	return true;
}

static int compare_orders(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_opening(const void *a, const void *b)
{
	return compare_orders((*(struct open_alert *const *)a)->order,
			      (*(struct open_alert *const *)b)->order);
}

static int by_waiting(const void *a, const void *b)
{
	return compare_orders((*(struct open_alert *const *)a)->wait_order,
			      (*(struct open_alert *const *)b)->wait_order);
}

static void raise_order(struct handling *handling, uint64_t order)
{
	if (order > handling->order_last)
		handling->order_last = order;
}

/** One whose source is not found is decided again. */
static void take_up_wait(struct handling *handling, struct open_alert *open)
{
	struct open_alert *inhibitor = NULL;
	enum wait wait = open->wait;

	if (wait == WAIT_NONE)
		return;
	wait_enter(handling, open, wait);
	if (wait == WAIT_INHIBITED && open->inhibitor_key.length > 0)
		inhibitor = open_find(handling, bytes_slice(&open->inhibitor_key));
	if (inhibitor != NULL)
		inhibit_link(open, inhibitor);
	bytes_deinit(&open->inhibitor_key);
}

/** In the orders in which they opened and began to wait. */
static void take_up(struct handling *handling, struct loading *loading)
{
	if (loading->count == 0)
		return;
	qsort(loading->alerts, loading->count, sizeof(*loading->alerts), by_opening);
	for (uint32_t i = 0; i < loading->count; i++) {
		open_insert(handling, loading->alerts[i]);
		raise_order(handling, loading->alerts[i]->order);
		raise_order(handling, loading->alerts[i]->wait_order);
	}
	qsort(loading->alerts, loading->count, sizeof(*loading->alerts), by_waiting);
	for (uint32_t i = 0; i < loading->count; i++)
		take_up_wait(handling, loading->alerts[i]);
}

int open_load(struct handling *handling, struct err_note *why)
{
	struct loading loading = {.why = why};
	char prefix[] = {KEYSPACE_OPEN_ALERT};
	int code = kv_scan(handling->options.kv, (struct slice){prefix, 1}, false, load_one,
			   &loading, why);

	code = code != 0 ? code : loading.code;
	if (code == 0)
		take_up(handling, &loading);
	for (uint32_t i = 0; code != 0 && i < loading.count; i++)
		open_free(loading.alerts[i]);
	mem_free(loading.alerts);
	return code;
}
