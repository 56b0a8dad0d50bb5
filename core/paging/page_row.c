#include "core/paging/paging_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/channel/channel.h"
#include "core/channel/message.h"
#include "core/config/config.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/oncall/person.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A bundle may have as many pages as there are incidents, and a row of the outbox 1 MiB: its first
 * lines have texts of some length, the others stand for themselves. */
enum { SHORT_TEXT_BYTES = 60, LINE_TEXT_BYTES = 300 };

static bool is_zh(const struct paging *paging, const struct oncall_person *person, uint32_t way)
{
	const struct config_output *output;

	if (person->language != NULL)
		return strcmp(person->language, "zh") == 0;
	output = config_find_output(paging->config, person->reach[way].output);
	return output != NULL && output->has_zh_keys;
}

static const struct incident *incident_of(const struct paging *paging, const struct held_page *page)
{
	return page->incident != 0 ? incident_find(paging->options.incidents, page->incident)
				   : NULL;
}

/** Where nobody else reads: links that stand for a person go nowhere else. */
static bool is_private(const struct paging *paging, const struct person_reach *way)
{
	const struct config_output *output = config_find_output(paging->config, way->output);

	return output != NULL && output->channel != NULL &&
	       channel_is_private(output->channel, way->address);
}

static bool is_short(const struct paging *paging, const struct person_reach *way)
{
	const struct config_output *output = config_find_output(paging->config, way->output);

	return output != NULL && output->channel != NULL &&
	       output->channel->kind == CHANNEL_GATEWAY;
}

/** What the page says, and below it what only the person may read. */
static void append_text(const struct paging *paging, const struct page_batch *batch,
			const struct held_page *page, uint32_t way, struct bytes *out)
{
	const struct person_reach *reach = &batch->person->reach[way];
	size_t length = page_text_length(page->text,
					 batch->count > 1 ? LINE_TEXT_BYTES : PAGE_TEXT_BYTES_MAX);
	struct bytes own = BYTES_EMPTY;

	if (page->topic != NULL && paging->options.append_private != NULL &&
	    is_private(paging, reach))
		paging->options.append_private(paging->options.arg, page->topic, batch->person->id,
					       is_short(paging, reach), &own);
	/* The channel cuts a text at its end, where the link stands. */
	if (own.length > 0 && is_short(paging, reach) && length > SHORT_TEXT_BYTES)
		length = page_text_length(page->text, SHORT_TEXT_BYTES);
	if (length > 0)
		bytes_append(out, page->text, length);
	if (own.length > 0)
		bytes_append_format(out, "%s%s", length > 0 ? "\n" : "", own.data);
	bytes_deinit(&own);
}

/** "#12 [P1] rule fires: what the page says", a line for each page. */
static void append_lines(const struct paging *paging, const struct page_batch *batch, uint32_t way,
			 struct bytes *out)
{
	for (uint32_t i = 0; i < batch->count && i < PAGE_LINES_MAX; i++) {
		const struct held_page *page = batch->pages[i];
		const struct incident *incident = incident_of(paging, page);

		if (i > 0)
			bytes_append_char(out, '\n');
		if (incident != NULL)
			bytes_append_format(out, "#%" PRIu64 " [P%u] %s", incident->number,
					    incident->priority, incident->title);
		if (incident != NULL && page->text != NULL)
			bytes_append_text(out, ": ");
		append_text(paging, batch, page, way, out);
	}
	if (batch->count > PAGE_LINES_MAX)
		bytes_append_format(out, "\n+ %u", batch->count - PAGE_LINES_MAX);
}

static void append_message(const struct paging *paging, const struct page_batch *batch,
			   uint32_t way, struct bytes *out)
{
	const struct held_page *first = batch->pages[0];
	const struct incident *incident = incident_of(paging, first);
	struct bytes json = BYTES_EMPTY, lines = BYTES_EMPTY, text = BYTES_EMPTY;
	char title[64];
	struct message message = {
		.event = first->event,
		.language = batch->person->language,
		.recipient = batch->person->reach[way].address,
	};

	if (batch->count > 1) {
		snprintf(title, sizeof(title),
			 is_zh(paging, batch->person, way) ? "%u 个事件需要您处理"
							   : "%u incidents need you",
			 batch->count);
		append_lines(paging, batch, way, &lines);
		message.event = "notice";
		message.title = title;
		message.text = lines.data;
	} else if (incident != NULL) {
		incident_append_summary(incident, &json);
		message.incident_json = json.data;
	}
	if (batch->count == 1) {
		append_text(paging, batch, first, way, &text);
		message.text = text.length > 0 ? text.data : NULL;
	}
	if (batch->count == 1 && incident == NULL && message.text != NULL) {
		/* The first line is the title, as in a plan's message. */
		size_t length = strcspn(message.text, "\n");

		bytes_append(&lines, message.text, length);
		message.title = lines.data;
		message.text = message.text[length] != '\0' ? message.text + length + 1 : NULL;
	}
	message_append_row(&message, out);
	bytes_deinit(&json);
	bytes_deinit(&lines);
	bytes_deinit(&text);
}

void page_row_append(const struct paging *paging, const struct page_batch *batch, uint32_t way,
		     struct bytes *out)
{
	append_message(paging, batch, way, out);
	out->length--; /* its closing brace */
	bytes_append_text(out, ",\"page\":{\"person\":");
	utf8_append_json(out, slice_of(batch->person->id));
	bytes_append_format(out, ",\"way\":%u,\"all\":%s,\"pages\":[", way,
			    batch->is_important ? "true" : "false");
	for (uint32_t i = 0; i < batch->count; i++) {
		size_t text_max = batch->count == 1 ? PAGE_TEXT_BYTES_MAX : LINE_TEXT_BYTES;

		if (i >= PAGE_LINES_MAX)
			text_max = 0;
		if (i > 0)
			bytes_append_char(out, ',');
		held_page_append(batch->pages[i], text_max, out);
	}
	bytes_append_text(out, "]}}");
}

/* ---- rows that come back ---- */

/** New, or NULL: not a page. */
static json_t *read_row(const char *id, struct slice body)
{
	json_t *row = NULL, *page;

	if (strncmp(id, "page-", 5) == 0)
		row = json_loadb(body.data, body.length, 0, NULL);
	page = json_incref(json_object_get(row, "page"));
	json_decref(row);
	if (page != NULL && !json_is_array(json_object_get(page, "pages"))) {
		json_decref(page);
		page = NULL;
	}
	return page;
}

static const char *person_of(const json_t *page)
{
	const char *person = json_string_value(json_object_get(page, "person"));

	return person != NULL ? person : "";
}

static uint64_t incident_of_row(const json_t *one)
{
	return (uint64_t)json_integer_value(json_object_get(one, "incident"));
}

bool paging_may_send(struct paging *paging, const char *id, struct slice body, char *reason,
		     size_t reason_bytes)
{
	json_t *page = read_row(id, body), *list = json_object_get(page, "pages"), *one;
	bool is_wanted = page == NULL;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const struct page asked = {
			.incident = incident_of_row(one),
			.event = json_string_value(json_object_get(one, "event")),
			.topic = json_string_value(json_object_get(one, "topic")),
		};

		if (page_is_wanted(paging, &asked, reason, reason_bytes))
			is_wanted = true;
	}
	if (!is_wanted) {
		paging->usage.dropped++;
		json_array_foreach(list, i, one)
		{
			page_note(paging, incident_of_row(one), "page_dropped", "%s: %s",
				  person_of(page), reason);
		}
	}
	json_decref(page);
	return is_wanted;
}

/** The ways after the one that refused; an important page has had them all. */
static void send_by_next(struct paging *paging, const json_t *page)
{
	json_t *list = json_object_get(page, "pages"), *one;
	struct page_batch batch = {
		.person = config_find_person(paging->config, person_of(page)),
		.pages = mem_alloc_array(json_array_size(list) + 1, sizeof(struct held_page *)),
		.first_way = (uint32_t)json_integer_value(json_object_get(page, "way")) + 1,
		.now_ms = paging->options.now_ms(paging->options.arg),
	};
	size_t i;

	json_array_foreach(list, i, one)
	{
		struct held_page *read =
			held_page_read(one, ++paging->number_last, person_of(page));

		if (read != NULL)
			batch.pages[batch.count++] = read;
	}
	if (batch.count > 0)
		paging_send_on(paging, &batch, json_is_true(json_object_get(page, "all")));
	for (uint32_t k = 0; k < batch.count; k++)
		held_page_free(batch.pages[k]);
	mem_free(batch.pages);
}

void paging_on_sent(struct paging *paging, const char *output, const char *id, struct slice body,
		    bool is_delivered, const char *error)
{
	json_t *page = read_row(id, body), *one;
	size_t i;

	if (page == NULL)
		return;
	if (is_delivered)
		paging->usage.delivered++;
	else
		paging->usage.failed++;
	json_array_foreach(json_object_get(page, "pages"), i, one)
	{
		uint64_t incident = incident_of_row(one);

		if (is_delivered) {
			page_note(paging, incident, "page_delivered", "%s by %s", person_of(page),
				  output);
			incident_notified(paging->options.incidents, incident,
					  paging->options.now_ms(paging->options.arg));
		} else {
			page_note(paging, incident, "page_failed", "%s by %s: %s", person_of(page),
				  output, error != NULL ? error : "");
		}
	}
	if (!is_delivered)
		send_by_next(paging, page);
	json_decref(page);
}
