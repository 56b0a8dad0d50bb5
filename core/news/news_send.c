/* When what waits becomes messages.
 *
 *  An item waits while some output is to be told more than was put (wanted > put):
 *
 *      event -> wanted = its number, waits -> timer: room within the limit? put = wanted
 *                                                    none: the timer, when the oldest is past
 *      gate: its number < wanted -> dropped; put < wanted -> the place it took is free again
 *  delivered: told = its number: what later messages need not say again
 */
#include "core/news/news_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "storage/commit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = 64 };
static const char id_prefix[] = "news-";

static void forget_if_over(struct news_item *item)
{
	if (item->is_over && !item->is_waiting && item->flights == NULL)
		news_forget(item->news, item);
}

static struct news_known *find_known(struct news_item *item, const char *output)
{
	for (uint32_t i = 0; item != NULL && i < item->known_count; i++)
		if (strcmp(item->known[i].output, output) == 0)
			return &item->known[i];
	return NULL;
}

static void land(struct news_flight *flight)
{
	struct news_flight **link = &flight->item->flights;

	while (*link != flight)
		link = &(*link)->next;
	*link = flight->next;
	mem_free(flight->output);
	mem_free(flight);
}

static void on_sent(void *arg, bool is_delivered, const char *error)
{
	struct news_flight *flight = arg;
	struct news_item *item = flight->item;
	struct news *news = item->news;
	struct news_known *known = find_known(item, flight->output);
	uint64_t incident = item->incident;

	(void)error;
	if (is_delivered && known != NULL && flight->sequence > known->told) {
		known->told = flight->sequence;
		news_save(news, item);
	}
	land(flight);
	forget_if_over(item);
	if (is_delivered && news->options.on_told)
		news->options.on_told(news->options.arg, incident);
}

/** Forgets the messages that no longer count. A time in the future is from before the clock was
 *  set back. */
static void expire(const struct news *news, struct news_known *known, int64_t now_ms)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < known->sent_count; i++)
		if (known->sent_ms[i] <= now_ms && known->sent_ms[i] > now_ms - news->limit_ms)
			known->sent_ms[kept++] = known->sent_ms[i];
	known->sent_count = kept;
}

static void put(struct news_item *item, struct news_known *known, const struct news_output *output,
		const struct incident *incident, int64_t now_ms)
{
	struct news *news = item->news;
	struct news_flight *flight = mem_alloc(sizeof(*flight));
	struct bytes body = BYTES_EMPTY;
	struct err_note why = {""};
	char id[ID_BYTES];
	int code;

	*flight = (struct news_flight){item, mem_copy_text(output->name), known->wanted,
				       item->flights};
	item->flights = flight;
	snprintf(id, sizeof(id), "%s%" PRIu64 "-%" PRIu64, id_prefix, item->incident,
		 known->wanted);
	news_append_body(news, item, known, output, incident, &body);
	code = news->options.on_put(news->options.arg, output->name, id, bytes_slice(&body),
				    on_sent, flight, &why);
	if (code != 0) {
		land(flight);
		log_warn(OUTBOX, "news of incident %" PRIu64 " for %s: %s", item->incident,
			 output->name, why.text);
	}
	news->usage.put_count++;
	known->put = known->wanted;
	/* Each of its messages arrives: none need say what another said. */
	if (output->kind == NEWS_MACHINE)
		known->told = known->put;
	if (known->sent_count < NEWS_LIMIT_MAX)
		known->sent_ms[known->sent_count++] = now_ms;
	bytes_deinit(&body);
}

/** When the next one may be put: now, or later. */
static int64_t due_ms(const struct news *news, struct news_known *known,
		      const struct news_output *output, int64_t now_ms)
{
	expire(news, known, now_ms);
	if (output->kind != NEWS_LIMITED || known->sent_count < news->limit_count)
		return now_ms;
	return known->sent_ms[known->sent_count - news->limit_count] + news->limit_ms;
}

/** Returns when it is to be looked at again; INT64_MAX: it waits for nothing. */
static int64_t tell(struct news_item *item, const struct incident *incident, int64_t now_ms)
{
	struct news *news = item->news;
	int64_t next_ms = INT64_MAX;
	bool is_changed = false;

	for (uint32_t i = 0; i < item->known_count; i++) {
		struct news_known *known = &item->known[i];
		const struct news_output *output = news_find_output(news, known->output);
		int64_t at_ms;

		if (known->put >= known->wanted)
			continue;
		is_changed = true;
		if (output == NULL || incident == NULL) {
			known->put = known->wanted;
			continue;
		}
		at_ms = due_ms(news, known, output, now_ms);
		if (at_ms <= now_ms)
			put(item, known, output, incident, now_ms);
		else if (at_ms < next_ms)
			next_ms = at_ms;
	}
	if (is_changed)
		news_save(news, item);
	return next_ms;
}

void news_on_time(void *arg)
{
	struct news *news = arg;
	int64_t now_ms = loop_wall_ms(news->options.loop), next_ms = INT64_MAX;
	struct news_item *item = news->waiting, *next;

	for (; item != NULL; item = next) {
		const struct incident *incident =
			incident_find(news->options.incidents, item->incident);
		int64_t at_ms = tell(item, incident, now_ms);

		next = item->next;
		if (at_ms < next_ms)
			next_ms = at_ms;
		if (at_ms != INT64_MAX)
			continue;
		news_wait_no_more(news, item);
		item->is_over |= incident == NULL;
		forget_if_over(item);
	}
	if (next_ms != INT64_MAX)
		timer_set(news->timer, next_ms - now_ms);
	commit_kick(news->options.commit);
}

/* ---- the gate ---- */

static bool read_id(const char *id, uint64_t *incident, uint64_t *sequence)
{
	char *end;

	if (strncmp(id, id_prefix, sizeof(id_prefix) - 1) != 0)
		return false;
	*incident = strtoull(id + sizeof(id_prefix) - 1, &end, 10);
	if (*end != '-')
		return false;
	*sequence = strtoull(end + 1, &end, 10);
	return *end == '\0';
}

static bool is_machine(const struct news *news, const char *name)
{
	const struct news_output *output = news_find_output(news, name);

	return output != NULL && output->kind == NEWS_MACHINE;
}

bool news_may_send(struct news *news, const char *output, const char *id, char *reason)
{
	uint64_t incident, sequence;
	struct news_item *item;
	struct news_known *known;

	if (!read_id(id, &incident, &sequence))
		return true;
	item = news_find(news, incident);
	known = find_known(item, output);
	if (known == NULL || is_machine(news, output))
		return true;
	if (sequence >= known->wanted)
		return true;
	/* It was never sent, so it does not count: the newer one may take its place. */
	if (known->put < known->wanted) {
		if (known->sent_count > 0)
			known->sent_count--;
		timer_set(news->timer, 0);
	}
	news->usage.outdated_count++;
	snprintf(reason, NEWS_REASON_BYTES, "there is newer news of incident %" PRIu64, incident);
	return false;
}
