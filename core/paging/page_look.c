#include "core/paging/paging_internal.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_paging.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/model/timestamp.h"
#include "core/oncall/person.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  A page that is asked for becomes a held page that is due now; everything else is looking at the
 *  held pages of one person that are due. After a look none of them is due any more:
 *
 *      due -not wanted-> dropped
 *      due -snoozed, quiet hours-> held until their end
 *      due -another page of the person went a moment ago-> held until the bundle's span is over
 *      due -a way has room-> sent, all that are due as one message
 *      due -none has-> held until the first has                                                  */

int64_t paging_now_ms(const struct paging *paging)
{
	return paging->options.now_ms(paging->options.arg);
}

void page_note(const struct paging *paging, uint64_t incident, const char *kind, const char *format,
	       ...)
{
	va_list args;
	char text[1024];

	if (incident == 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	incident_note(paging->options.incidents, incident, kind, "paging", text,
		      paging_now_ms(paging));
}

/* ---- what an incident wants ---- */

static bool calls_for_help(const char *event)
{
	static const char *const calls[] = {"opened",      "reopened", "unacked",
					    "ack_timeout", "raised",   "escalated"};

	for (size_t i = 0; event != NULL && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i], event) == 0)
			return true;
	return false;
}

bool page_is_wanted(const struct paging *paging, const struct page *page, char *reason,
		    size_t reason_bytes)
{
	const struct incident *incident;
	uint64_t number = page->incident;

	if (page->topic != NULL && paging->options.is_open != NULL &&
	    !paging->options.is_open(paging->options.arg, page->topic)) {
		snprintf(reason, reason_bytes, "it is no longer asked");
		return false;
	}
	if (number == 0 || !calls_for_help(page->event))
		return true;
	incident = incident_find(paging->options.incidents, number);
	if (incident != NULL && incident_is_unanswered(incident))
		return true;
	snprintf(reason, reason_bytes, "incident %" PRIu64 " is %s%s%s", number,
		 incident != NULL ? incident_state_name(incident->state) : "gone",
		 incident != NULL && incident->acked_by != NULL ? " by " : "",
		 incident != NULL && incident->acked_by != NULL ? incident->acked_by : "");
	return false;
}

static const struct incident *incident_of(const struct paging *paging, const struct held_page *page)
{
	return page->incident != 0 ? incident_find(paging->options.incidents, page->incident)
				   : NULL;
}

static bool is_urgent(const struct paging *paging, const struct held_page *page)
{
	const struct incident *incident = incident_of(paging, page);

	if (incident == NULL)
		return page->incident == 0 && page->is_important;
	return incident->is_major || incident->priority == 1;
}

bool page_is_high(const struct paging *paging, const struct held_page *page)
{
	const struct incident *incident = incident_of(paging, page);

	return is_urgent(paging, page) || (incident != NULL && incident->priority <= 2);
}

/* ---- holding ---- */

static void drop(struct paging *paging, struct held_page *page, const char *reason)
{
	page_note(paging, page->incident, "page_dropped", "%s: %s", page->person, reason);
	paging->usage.dropped++;
	paging_forget(paging, page);
}

static const char *const words[] = {
	[HELD_NOT] = "",
	[HELD_QUIET] = "quiet hours",
	[HELD_SNOOZE] = "the incident is snoozed",
	[HELD_BUNDLE] = "a page went a moment ago",
	[HELD_CAP] = "could not be reached",
};

const char *paging_why_held(const struct paging *paging, const struct page *page, int64_t *until_ms)
{
	const struct held_page *held = paging_find_held(paging, page);

	/* One of no incident is never found: it is the newest. */
	for (uint32_t i = 0; held == NULL && page->incident == 0 && i < paging->held_count; i++)
		if (paging->held[i]->number == paging->number_last &&
		    strcmp(paging->held[i]->person, page->person) == 0)
			held = paging->held[i];
	if (held == NULL)
		return NULL;
	*until_ms = held->due_ms;
	return words[held->held_for];
}

static void count_held(struct paging *paging, enum held_for held_for)
{
	switch (held_for) {
	case HELD_QUIET: paging->usage.quiet++; break;
	case HELD_CAP: paging->usage.capped++; break;
	case HELD_NOT:
	case HELD_SNOOZE:
	case HELD_BUNDLE: break;
	}
}

void page_hold(struct paging *paging, struct held_page *page, enum held_for held_for,
	       int64_t until_ms, const char *reason)
{
	char until[TIMESTAMP_TEXT_BYTES_MAX];
	bool is_new = page->held_for != held_for;

	if (is_new || page->stored_due_ms != until_ms)
		page->is_stored_now = false;
	paging->bundle_count += held_for == HELD_BUNDLE;
	paging->bundle_count -= page->held_for == HELD_BUNDLE;
	page->held_for = held_for;
	page->due_ms = until_ms;
	if (until_ms < paging->next_ms)
		paging->next_ms = until_ms;
	if (!page->is_stored_now)
		held_page_store(paging, page);
	if (!is_new)
		return;
	count_held(paging, held_for);
	timestamp_format(until_ms, until);
	page_note(paging, page->incident, held_for == HELD_CAP ? "page_unreached" : "page_held",
		  "%s: %s%s%s, held until %s", page->person, words[held_for],
		  reason != NULL ? ": " : "", reason != NULL ? reason : "", until);
}

/* ---- looking ---- */

/** True: the page goes with those that are sent now. */
static bool is_ready(struct paging *paging, const struct oncall_person *person,
		     struct held_page *page, int64_t now_ms)
{
	const struct incident *incident = incident_of(paging, page);
	char reason[128];
	int64_t until_ms;
	const struct page asked = held_page_as_page(page);

	if (!page_is_wanted(paging, &asked, reason, sizeof(reason))) {
		drop(paging, page, reason);
		return false;
	}
	if (incident != NULL && incident->snoozed_until_ms > now_ms) {
		page_hold(paging, page, HELD_SNOOZE, incident->snoozed_until_ms, NULL);
		return false;
	}
	if (!is_urgent(paging, page) && person_is_quiet(person, now_ms, &until_ms)) {
		page_hold(paging, page, HELD_QUIET, until_ms, NULL);
		return false;
	}
	return true;
}

/** When the person may have the next message that is not urgent. */
static int64_t bundle_until(const struct paging *paging, const char *person)
{
	int64_t last_ms = INT64_MIN;

	for (uint32_t i = 0; i < paging->used_count; i++)
		if (strcmp(paging->used[i].person, person) == 0 &&
		    cap_log_last_ms(&paging->used[i].log) > last_ms)
			last_ms = cap_log_last_ms(&paging->used[i].log);
	if (last_ms == INT64_MIN)
		return 0;
	return last_ms + paging->config->paging->bundle_ms;
}

static void send_or_hold(struct paging *paging, struct page_batch *batch)
{
	int64_t until_ms = bundle_until(paging, batch->person->id);
	bool waits = !batch->pages[0]->is_urgent && batch->now_ms < until_ms;
	bool is_sent = false;

	if (!waits)
		is_sent = page_send(paging, batch);
	for (uint32_t i = 0; i < batch->count; i++) {
		if (waits)
			page_hold(paging, batch->pages[i], HELD_BUNDLE, until_ms, NULL);
		else if (!is_sent)
			page_hold(paging, batch->pages[i], HELD_CAP, batch->free_ms, batch->reason);
		else
			paging_forget(paging, batch->pages[i]);
	}
}

/** Urgent ones first, then the oldest. */
static int compare_pages(const void *a, const void *b)
{
	const struct held_page *left = *(struct held_page *const *)a,
			       *right = *(struct held_page *const *)b;

	if (left->is_urgent != right->is_urgent)
		return left->is_urgent ? -1 : 1;
	return left->number < right->number ? -1 : 1;
}

/** Pages that only wait for a bundle go with one that is due. */
static bool is_asked(const struct held_page *page, int64_t now_ms)
{
	return page->due_ms <= now_ms || page->held_for == HELD_BUNDLE;
}

static void drop_all(struct paging *paging, const char *person, const char *reason)
{
	for (uint32_t i = 0; i < paging->held_count; i++)
		if (!paging->held[i]->is_gone && strcmp(paging->held[i]->person, person) == 0)
			drop(paging, paging->held[i], reason);
}

/** Nothing else of anybody is due, or waits to go with others. */
static bool is_alone(const struct paging *paging, int64_t now_ms)
{
	return paging->next_ms > now_ms && paging->bundle_count == 0;
}

static void add_if_ready(struct paging *paging, struct page_batch *batch, struct held_page *page)
{
	page->is_urgent = is_urgent(paging, page);
	if (!is_ready(paging, batch->person, page, batch->now_ms))
		return;
	batch->is_important |= page->is_important;
	batch->is_high |= page_is_high(paging, page);
	batch->pages[batch->count++] = page;
}

static void look(struct paging *paging, struct page_batch *batch, struct held_page *only)
{
	for (uint32_t i = 0; i < paging->used_count; i++)
		cap_log_settle(&paging->used[i].log, batch->now_ms);
	for (uint32_t i = 0; i < paging->held_count && only == NULL; i++) {
		struct held_page *page = paging->held[i];

		if (!page->is_gone && is_asked(page, batch->now_ms) &&
		    strcmp(page->person, batch->person->id) == 0)
			add_if_ready(paging, batch, page);
	}
	if (only != NULL)
		add_if_ready(paging, batch, only);
	qsort(batch->pages, batch->count, sizeof(struct held_page *), compare_pages);
	if (batch->count > 0)
		send_or_hold(paging, batch);
	paging_compact(paging);
}

void paging_look(struct paging *paging, const char *person)
{
	struct page_batch batch = {
		.person = config_find_person(paging->config, person),
		.now_ms = paging_now_ms(paging),
	};

	if (batch.person == NULL || batch.person->reach_count == 0) {
		drop_all(paging, person, "nothing says how to reach the person");
		paging_compact(paging);
		return;
	}
	batch.pages = mem_alloc_array(paging->held_count + 1, sizeof(struct held_page *));
	look(paging, &batch, NULL);
	mem_free(batch.pages);
}

/* In a storm most pages wait for a bundle: that costs no look at the others. */
void paging_look_at(struct paging *paging, struct held_page *page)
{
	struct held_page *pages[1];
	struct page_batch batch = {
		.person = config_find_person(paging->config, page->person),
		.pages = pages,
		.now_ms = paging_now_ms(paging),
	};
	bool waits = batch.now_ms < bundle_until(paging, page->person) && !is_urgent(paging, page);

	if (waits || is_alone(paging, batch.now_ms))
		look(paging, &batch, page);
	else
		paging_look(paging, page->person);
}
