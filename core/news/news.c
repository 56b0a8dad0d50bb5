#include "core/news/news_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"

#include <string.h>

static const struct news_event_row rows[NEWS_EVENTS] = {
#define NEWS_ROW(name, message, how, en, zh) {#name, #message, en, zh, NEWS_HOW_##how},
	NEWS_EVENT_LIST(NEWS_ROW)
#undef NEWS_ROW
};

const struct news_event_row *news_event_row(enum news_event event)
{
	REQUIRE(event < NEWS_EVENTS);
	return &rows[event];
}

enum news_event news_event_of(const char *name)
{
	int event = 0;

	while (event < NEWS_EVENTS && strcmp(rows[event].name, name) != 0)
		event++;
	return (enum news_event)event;
}

/* ---- items ---- */

static struct slice key_of(const uint64_t *incident)
{
	return (struct slice){(const char *)incident, sizeof(*incident)};
}

struct news_item *news_find(const struct news *news, uint64_t incident)
{
	return pointer_map_find(&news->items, key_of(&incident));
}

void news_wait(struct news *news, struct news_item *item)
{
	if (item->is_waiting)
		return;
	item->is_waiting = true;
	item->previous = NULL;
	item->next = news->waiting;
	if (item->next)
		item->next->previous = item;
	news->waiting = item;
	news->usage.waiting_count++;
}

void news_wait_no_more(struct news *news, struct news_item *item)
{
	if (!item->is_waiting)
		return;
	if (item->previous)
		item->previous->next = item->next;
	else
		news->waiting = item->next;
	if (item->next)
		item->next->previous = item->previous;
	item->is_waiting = false;
	news->usage.waiting_count--;
}

void news_forget(struct news *news, struct news_item *item)
{
	news_wait_no_more(news, item);
	news_erase(news, item);
	pointer_map_remove(&news->items, key_of(&item->incident));
	news_item_free(item);
}

static bool is_ended(const struct news *news, const struct news_item *item)
{
	const struct incident *incident = incident_find(news->options.incidents, item->incident);

	return incident == NULL || !incident_is_open(incident->state);
}

/** Those of ended incidents that wait for nothing. */
static void make_room(struct news *news)
{
	struct news_item *item, **ended = mem_alloc_array(news->items.count + 1, sizeof(*ended));
	uint32_t at = 0, count = 0;

	while ((item = pointer_map_next(&news->items, &at)) != NULL)
		if (!item->is_waiting && item->flights == NULL && is_ended(news, item))
			ended[count++] = item;
	while (count > 0)
		news_forget(news, ended[--count]);
	mem_free(ended);
}

static struct news_item *get_item(struct news *news, uint64_t incident)
{
	struct news_item *item = news_find(news, incident);

	if (item != NULL)
		return item;
	if (news->items.count >= NEWS_INCIDENTS_MAX)
		make_room(news);
	item = mem_alloc(sizeof(*item));
	item->news = news;
	item->incident = incident;
	item->event = NEWS_EVENTS;
	pointer_map_put(&news->items, key_of(&item->incident), item);
	return item;
}

int news_new(struct news **out, const struct news_options *options, struct err_note *why)
{
	struct news *news = mem_alloc(sizeof(*news));
	int code;

	news->options = *options;
	news->limit_count = 1;
	pointer_map_init(&news->items, options->seed);
	news->timer = timer_new(options->loop, news_on_time, news);
	code = news_load(news, why);
	if (code != 0) {
		news_free(news);
		return code;
	}
	*out = news;
	return 0;
}

static void free_outputs(struct news *news)
{
	for (uint32_t i = 0; i < news->output_count; i++)
		mem_free((char *)(uintptr_t)news->outputs[i].name);
	news->output_count = 0;
}

void news_free(struct news *news)
{
	struct news_item *item;
	uint32_t at = 0;

	if (news == NULL)
		return;
	while ((item = pointer_map_next(&news->items, &at)) != NULL)
		news_item_free(item);
	pointer_map_deinit(&news->items);
	free_outputs(news);
	timer_free(news->timer);
	mem_free(news);
}

void news_configure(struct news *news, const struct news_settings *settings)
{
	REQUIRE(settings->output_count <= NEWS_OUTPUTS_MAX);
	REQUIRE(settings->limit_count >= 1 && settings->limit_count <= NEWS_LIMIT_MAX);
	free_outputs(news);
	for (uint32_t i = 0; i < settings->output_count; i++) {
		news->outputs[i] = settings->outputs[i];
		news->outputs[i].name = mem_copy_text(settings->outputs[i].name);
	}
	news->output_count = settings->output_count;
	news->limit_count = settings->limit_count;
	news->limit_ms = settings->limit_ms;
	news->zone = settings->zone;
	timer_set(news->timer, 0);
}

const struct news_output *news_find_output(const struct news *news, const char *name)
{
	for (uint32_t i = 0; i < news->output_count; i++)
		if (strcmp(news->outputs[i].name, name) == 0)
			return &news->outputs[i];
	return NULL;
}

/* ---- events ---- */

/** Owned; NULL: the event says everything. */
static char *detail_of(const struct incident *incident, enum news_event event)
{
	switch (event) {
	case NEWS_acked: return mem_copy_text(incident->acked_by);
	case NEWS_assigned: return mem_copy_text(incident->owner ? incident->owner : "-");
	case NEWS_raised:
	case NEWS_lowered: return mem_format("P%u", incident->priority);
	case NEWS_merged: return mem_format("#%llu", (unsigned long long)incident->merged_into);
	case NEWS_candidate:
	case NEWS_opened:
	case NEWS_reopened:
	case NEWS_unacked:
	case NEWS_ack_timeout:
	case NEWS_handling:
	case NEWS_mitigated:
	case NEWS_resolved:
	case NEWS_cancelled:
	case NEWS_edited:
	case NEWS_closed:
	case NEWS_EVENTS: break;
	}
	return NULL;
}

static void add_line(struct news_item *item, enum news_event event, char *detail, int64_t now_ms)
{
	struct news_line *line;

	if (item->line_count == NEWS_LINES_MAX) {
		mem_free(item->lines[0].detail);
		memmove(item->lines, item->lines + 1,
			(NEWS_LINES_MAX - 1) * sizeof(item->lines[0]));
		item->line_count--;
	}
	line = &item->lines[item->line_count++];
	*line = (struct news_line){.sequence = item->sequence, .at_ms = now_ms, .event = event};
	line->detail = detail;
}

/** The entry of an output that is no longer told makes room; NULL: of none. */
static struct news_known *known_of(const struct news *news, struct news_item *item,
				   const char *output)
{
	struct news_known *free_one = NULL;

	for (uint32_t i = 0; i < item->known_count; i++) {
		if (strcmp(item->known[i].output, output) == 0)
			return &item->known[i];
		if (news_find_output(news, item->known[i].output) == NULL)
			free_one = &item->known[i];
	}
	if (item->known_count < NEWS_OUTPUTS_MAX)
		free_one = &item->known[item->known_count++];
	REQUIRE(free_one != NULL);
	mem_free(free_one->output);
	*free_one = (struct news_known){.output = mem_copy_text(output)};
	return free_one;
}

static bool is_told(const struct news_output *output, const struct incident *incident,
		    enum news_event event, const struct news_known *known, int64_t now_ms)
{
	switch (news_event_row(event)->how) {
	case NEWS_HOW_MAIN: return true;
	case NEWS_HOW_CALL:
		return output->kind != NEWS_LIMITED || incident->snoozed_until_ms <= now_ms;
	case NEWS_HOW_QUIET:
		return output->kind == NEWS_MACHINE ||
		       (output->kind == NEWS_EDITED && known->wanted > 0);
	}
	return false;
}

void news_on_incident(struct news *news, const struct incident *incident, const char *name)
{
	enum news_event event = news_event_of(name);
	int64_t now_ms = loop_wall_ms(news->options.loop);
	struct news_item *item;

	if (event == NEWS_EVENTS || (news->output_count == 0 && news->items.count == 0))
		return;
	item = get_item(news, incident->number);
	item->sequence++;
	item->is_over |= event == NEWS_closed || event == NEWS_cancelled || event == NEWS_merged;
	if (news_event_row(event)->how != NEWS_HOW_QUIET || item->event == NEWS_EVENTS ||
	    event == NEWS_closed)
		item->event = event;
	add_line(item, event, detail_of(incident, event), now_ms);
	for (uint32_t i = 0; i < news->output_count; i++) {
		struct news_known *known = known_of(news, item, news->outputs[i].name);

		if (!is_told(&news->outputs[i], incident, event, known, now_ms))
			continue;
		news->usage.bundled_count += known->wanted > known->put;
		known->wanted = item->sequence;
	}
	news_wait(news, item);
	news_save(news, item);
	timer_set(news->timer, 0);
}

void news_usage(const struct news *news, struct news_usage *out)
{
	*out = news->usage;
}
