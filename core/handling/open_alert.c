#include "core/handling/handling_internal.h"

#include "core/base/mem.h"
#include "core/handling/row.h"
#include "core/model/dimension.h"

#include <string.h>

void open_key(struct bytes *out, const char *rule, struct slice dimension)
{
	bytes_clear(out);
	bytes_append_text(out, rule);
	bytes_append_u8(out, 0);
	bytes_append_slice(out, dimension);
}

void open_append_id(const struct alert *alert, struct bytes *out)
{
	bytes_append_text(out, alert->rule);
	if (alert->key.length > 0) {
		bytes_append_char(out, '|');
		dimension_append_text(alert->key, out);
	}
}

/* ---- one alert ---- */

static void free_texts(struct alert *alert)
{
	mem_free((char *)(uintptr_t)alert->title);
	mem_free((char *)(uintptr_t)alert->severity);
	mem_free((char *)(uintptr_t)alert->labels_json);
	mem_free((char *)(uintptr_t)alert->message);
	mem_free((char *)(uintptr_t)alert->category);
	mem_free((char *)(uintptr_t)alert->reason);
	for (uint32_t i = 0; i < alert->by_count; i++)
		mem_free((char *)(uintptr_t)alert->by[i]);
	mem_free((void *)(uintptr_t)alert->by);
}

/** What matching and incidents ask for; the document is made before, from the whole alert. Rule and
 *  dimension are borrowed from the key. */
static void copy_alert(struct open_alert *open, const struct alert *alert)
{
	const char **by = mem_alloc_array(alert->by_count + 1, sizeof(*by));
	struct alert *copy = &open->alert;
	size_t rule_bytes = strlen(open->key.data) + 1;

	for (uint32_t i = 0; i < alert->by_count; i++)
		by[i] = mem_copy_text(alert->by[i]);
	*copy = (struct alert){
		.rule = open->key.data,
		.title = mem_copy_text(alert->title),
		.version = alert->version,
		.state = alert->state,
		.window_start_ms = alert->window_start_ms,
		.window_end_ms = alert->window_end_ms,
		.key = {open->key.data + rule_bytes, open->key.length - rule_bytes},
		.by = by,
		.by_count = alert->by_count,
		.severity = mem_copy_text(alert->severity != NULL ? alert->severity : ""),
		.labels_json = mem_copy_text(alert->labels_json),
		.message = mem_copy_text(alert->message),
		.category = mem_copy_text(alert->category),
		.reason = mem_copy_text(alert->reason),
	};
	memcpy(copy->id, alert->id, sizeof(copy->id));
}

struct open_alert *open_new(const struct alert *alert, const char *output, const char *incident_key,
			    int64_t now_ms)
{
	struct open_alert *open = mem_alloc(sizeof(*open));

	open_key(&open->key, alert->rule, alert->key);
	copy_alert(open, alert);
	open->output = mem_copy_text(output);
	open->incident_key = mem_copy_text(incident_key);
	open->opened_ms = now_ms;
	return open;
}

void open_update(struct open_alert *open, const struct alert *alert, const char *output,
		 const char *incident_key)
{
	free_texts(&open->alert);
	copy_alert(open, alert);
	mem_free(open->output);
	mem_free(open->incident_key);
	open->output = mem_copy_text(output);
	open->incident_key = mem_copy_text(incident_key);
}

static void told_deinit(struct told *told)
{
	mem_free(told->output);
	mem_free(told->route);
	mem_free(told->by_json);
}

void open_drop_documents(struct open_alert *open)
{
	for (int i = 0; i < LANGUAGES; i++) {
		mem_free(open->documents[i]);
		open->documents[i] = NULL;
	}
}

void open_free(struct open_alert *open)
{
	if (open == NULL)
		return;
	free_texts(&open->alert);
	for (uint32_t i = 0; i < open->told_count; i++)
		told_deinit(&open->told[i]);
	mem_free(open->told);
	open_drop_documents(open);
	mem_free(open->output);
	mem_free(open->incident_key);
	mem_free(open->inhibit_name);
	bytes_deinit(&open->inhibitor_key);
	bytes_deinit(&open->key);
	mem_free(open);
}

struct told *open_told(struct open_alert *open, const char *output)
{
	for (uint32_t i = 0; i < open->told_count; i++)
		if (strcmp(open->told[i].output, output) == 0)
			return &open->told[i];
	return NULL;
}

struct told *open_add_told(struct open_alert *open, const char *output, const char *route,
			   const char *by_json)
{
	struct told *told;

	open->told = mem_grow(open->told, open->told_count + 1, sizeof(*open->told));
	told = &open->told[open->told_count++];
	*told = (struct told){
		.output = mem_copy_text(output),
		.route = mem_copy_text(route),
		.by_json = mem_copy_text(by_json),
	};
	return told;
}

void open_drop_told(struct open_alert *open, struct told *told)
{
	told_deinit(told);
	*told = open->told[--open->told_count];
}

/* ---- the table ---- */

struct open_alert *open_find(const struct handling *handling, struct slice key)
{
	return pointer_map_find(&handling->open, key);
}

void open_insert(struct handling *handling, struct open_alert *open)
{
	pointer_map_put(&handling->open, bytes_slice(&open->key), open);
	open->is_tracked = true;
}

void open_remove(struct handling *handling, struct open_alert *open)
{
	struct bytes key = BYTES_EMPTY;

	if (open->is_tracked) {
		pointer_map_remove(&handling->open, bytes_slice(&open->key));
		key_begin(&key, KEYSPACE_OPEN_ALERT);
		key_add_bytes(&key, bytes_slice(&open->key));
		row_delete(handling->options.commit, &key);
		bytes_deinit(&key);
	}
	open_free(open);
}
