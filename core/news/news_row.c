/* {"seq": 7, "event": "acked", "over": false, "lines": [[7, 1527000000123, "acked", "wang"], …],
 *  "outputs": {"team": {"wanted": 7, "put": 5, "told": 5, "sent": [1527000000123]}}} */
#include "core/news/news_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "storage/sealed.h"

#include <jansson.h>

#include <string.h>

void news_item_free(struct news_item *item)
{
	for (uint32_t i = 0; i < item->line_count; i++)
		mem_free(item->lines[i].detail);
	for (uint32_t i = 0; i < item->known_count; i++)
		mem_free(item->known[i].output);
	while (item->flights != NULL) {
		struct news_flight *flight = item->flights;

		item->flights = flight->next;
		mem_free(flight->output);
		mem_free(flight);
	}
	mem_free(item);
}

/* ---- writing ---- */

static json_t *lines_json(const struct news_item *item)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < item->line_count; i++) {
		const struct news_line *line = &item->lines[i];

		/* s?: an actor that is not UTF-8 is left out. */
		json_t *one = json_pack("[I, I, s]", (json_int_t)line->sequence,
					(json_int_t)line->at_ms, news_event_row(line->event)->name);
		json_t *detail = line->detail ? json_string(line->detail) : NULL;

		json_array_append_new(one, detail ? detail : json_null());
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *known_json(const struct news_known *known)
{
	json_t *sent = json_array();

	for (uint32_t i = 0; i < known->sent_count; i++)
		json_array_append_new(sent, json_integer(known->sent_ms[i]));
	return json_pack("{s:I, s:I, s:I, s:o}", "wanted", (json_int_t)known->wanted, "put",
			 (json_int_t)known->put, "told", (json_int_t)known->told, "sent", sent);
}

static void make_key(const struct news_item *item, struct bytes *key)
{
	key_begin(key, KEYSPACE_NEWS);
	key_add_u64(key, item->incident);
}

void news_save(struct news *news, const struct news_item *item)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	json_t *outputs = json_object();
	char *text;
	json_t *row;

	for (uint32_t i = 0; i < item->known_count; i++)
		json_object_set_new(outputs, item->known[i].output, known_json(&item->known[i]));
	row = json_pack("{s:I, s:I, s:s, s:b, s:o, s:o}", "incident", (json_int_t)item->incident,
			"seq", (json_int_t)item->sequence, "event",
			news_event_row(item->event)->name, "over", item->is_over, "lines",
			lines_json(item), "outputs", outputs);
	text = json_dumps(row, JSON_COMPACT);
	make_key(item, &key);
	keyspace_seal(&value, slice_of(text));
	kv_batch_put(commit_batch(news->options.commit), bytes_slice(&key), bytes_slice(&value));
	free(text);
	json_decref(row);
	bytes_deinit(&key);
	bytes_deinit(&value);
}

void news_erase(struct news *news, const struct news_item *item)
{
	struct bytes key = BYTES_EMPTY;

	make_key(item, &key);
	kv_batch_delete(commit_batch(news->options.commit), bytes_slice(&key));
	bytes_deinit(&key);
}

/* ---- reading ---- */

static uint64_t number_of(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static void read_lines(struct news_item *item, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && i < NEWS_LINES_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		const char *name = json_string_value(json_array_get(one, 2));
		const char *detail = json_string_value(json_array_get(one, 3));
		enum news_event event = name ? news_event_of(name) : NEWS_EVENTS;

		/* Of a later build: left out. */
		if (event == NEWS_EVENTS)
			continue;
		item->lines[item->line_count++] = (struct news_line){
			(uint64_t)json_integer_value(json_array_get(one, 0)),
			json_integer_value(json_array_get(one, 1)), event, mem_copy_text(detail)};
	}
}

static void read_outputs(struct news_item *item, json_t *outputs)
{
	const char *name;
	json_t *one;

	json_object_foreach(outputs, name, one)
	{
		const json_t *sent = json_object_get(one, "sent");
		struct news_known *known = &item->known[item->known_count];

		if (item->known_count == NEWS_OUTPUTS_MAX)
			return;
		item->known_count++;
		known->output = mem_copy_text(name);
		known->wanted = number_of(one, "wanted");
		known->put = number_of(one, "put");
		known->told = number_of(one, "told");
		for (size_t i = 0; i < json_array_size(sent) && i < NEWS_LIMIT_MAX; i++)
			known->sent_ms[known->sent_count++] =
				json_integer_value(json_array_get(sent, i));
	}
}

static void load_row(void *arg, struct slice content)
{
	struct news *news = arg;
	json_t *row = json_loadb(content.data, content.length, 0, NULL);
	const char *event = json_string_value(json_object_get(row, "event"));
	struct news_item *item = mem_alloc(sizeof(*item));

	item->news = news;
	item->incident = number_of(row, "incident");
	item->sequence = number_of(row, "seq");
	item->event = event ? news_event_of(event) : NEWS_EVENTS;
	item->is_over = json_is_true(json_object_get(row, "over"));
	if (item->event == NEWS_EVENTS)
		item->event = NEWS_opened;
	read_lines(item, json_object_get(row, "lines"));
	read_outputs(item, json_object_get(row, "outputs"));
	json_decref(row);
	pointer_map_put(&news->items,
			(struct slice){(const char *)&item->incident, sizeof(item->incident)},
			item);
	news_wait(news, item);
}

int news_load(struct news *news, struct err_note *why)
{
	char prefix[] = {KEYSPACE_NEWS};

	return sealed_each(news->options.kv, (struct slice){prefix, 1}, load_row, news, why);
}
