#include "core/paging/paging_internal.h"

#include "core/base/err.h"
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

static int64_t now_of(const struct paging *paging)
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
	incident_note(paging->options.incidents, incident, kind, "paging", text, now_of(paging));
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
	if (incident != NULL && incident->state == INCIDENT_OPEN)
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

static bool is_high(const struct paging *paging, const struct held_page *page)
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

static void hold(struct paging *paging, struct held_page *page, enum held_for held_for,
		 int64_t until_ms, const char *reason)
{
	static const char *const words[] = {
		[HELD_NOT] = "",
		[HELD_QUIET] = "quiet hours",
		[HELD_SNOOZE] = "the incident is snoozed",
		[HELD_BUNDLE] = "a page went a moment ago",
		[HELD_CAP] = "could not be reached",
	};
	char until[TIMESTAMP_TEXT_BYTES_MAX];
	bool is_new = page->held_for != held_for;

	page->held_for = held_for;
	page->due_ms = until_ms;
	if (until_ms < paging->next_ms)
		paging->next_ms = until_ms;
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
		hold(paging, page, HELD_SNOOZE, incident->snoozed_until_ms, NULL);
		return false;
	}
	if (!is_urgent(paging, page) && person_is_quiet(person, now_ms, &until_ms)) {
		hold(paging, page, HELD_QUIET, until_ms, NULL);
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
			hold(paging, batch->pages[i], HELD_BUNDLE, until_ms, NULL);
		else if (!is_sent)
			hold(paging, batch->pages[i], HELD_CAP, batch->free_ms, batch->reason);
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
	for (uint32_t i = paging->held_count; i-- > 0;)
		if (strcmp(paging->held[i]->person, person) == 0)
			drop(paging, paging->held[i], reason);
}

static void look(struct paging *paging, const char *id, int64_t now_ms)
{
	struct page_batch batch = {
		.person = config_find_person(paging->config, id),
		.pages = mem_alloc_array(paging->held_count + 1, sizeof(struct held_page *)),
		.now_ms = now_ms,
	};

	for (uint32_t i = 0; i < paging->used_count; i++)
		cap_log_settle(&paging->used[i].log, now_ms);
	if (batch.person == NULL || batch.person->reach_count == 0)
		drop_all(paging, id, "nothing says how to reach the person");
	/* Backwards: what is dropped goes out of the array. */
	for (uint32_t i = paging->held_count; i-- > 0;) {
		struct held_page *page = paging->held[i];

		if (strcmp(page->person, id) != 0 || !is_asked(page, now_ms))
			continue;
		page->is_urgent = is_urgent(paging, page);
		if (!is_ready(paging, batch.person, page, now_ms))
			continue;
		batch.is_important |= page->is_important;
		batch.is_high |= is_high(paging, page);
		batch.pages[batch.count++] = page;
	}
	qsort(batch.pages, batch.count, sizeof(struct held_page *), compare_pages);
	if (batch.count > 0)
		send_or_hold(paging, &batch);
	mem_free(batch.pages);
}

/* ---- what is asked for ---- */

static bool is_same_topic(const char *a, const char *b)
{
	return a != NULL && b != NULL ? strcmp(a, b) == 0 : a == b;
}

static struct held_page *find_held(const struct paging *paging, const struct page *page)
{
	for (uint32_t i = 0; i < paging->held_count && page->incident != 0; i++)
		if (paging->held[i]->incident == page->incident &&
		    is_same_topic(paging->held[i]->topic, page->topic) &&
		    strcmp(paging->held[i]->person, page->person) == 0)
			return paging->held[i];
	return NULL;
}

static bool is_held(const struct paging *paging, uint64_t number, enum held_for held_for)
{
	for (uint32_t i = paging->held_count; i-- > 0;)
		if (paging->held[i]->number == number)
			return paging->held[i]->held_for == held_for;
	return false;
}

static int check(const struct paging *paging, const struct page *page, struct err_note *why)
{
	const struct oncall_person *person = config_find_person(paging->config, page->person);

	if (person == NULL)
		return err_set(why, ERR_NOT_FOUND, "the site has no person \"%.64s\"",
			       page->person);
	if (person->reach_count == 0)
		return err_set(why, ERR_INVALID,
			       "nothing says how to reach %.64s: people.%.64s has no \"reach\"",
			       page->person, page->person);
	if (page->text == NULL && page->incident == 0)
		return err_set(why, ERR_INVALID, "a page without an incident needs a text");
	return 0;
}

int paging_page(struct paging *paging, const struct page *page, struct err_note *why)
{
	int64_t now_ms = now_of(paging);
	struct held_page *held = find_held(paging, page);
	struct err_note note = {""};
	int code = check(paging, page, &note);
	uint64_t number;

	paging->usage.pages++;
	if (code == 0 && held == NULL && paging->held_count >= PAGES_HELD_MAX) {
		paging->usage.refused++;
		code = err_set(&note, ERR_FULL, "%d pages are held, and no more are possible",
			       PAGES_HELD_MAX);
	}
	if (code != 0) {
		page_note(paging, page->incident, "page_unreached", "%s: %s", page->person,
			  note.text);
		return err_set(why, code, "%s", note.text);
	}
	if (held == NULL) {
		held = held_page_new(++paging->number_last, page->person, page->incident);
		paging_keep(paging, held);
	}
	number = held->number;
	held_page_tell(held, page);
	held->due_ms = now_ms;
	look(paging, page->person, now_ms);
	if (paging->options.on_wake != NULL)
		paging->options.on_wake(paging->options.arg);
	if (is_held(paging, number, HELD_CAP))
		return err_set(why, ERR_FULL, "%.64s could not be reached now", page->person);
	return 0;
}

/** The way of a message refused it for good: the next ones, or the person is not reached by it. */
void paging_send_on(struct paging *paging, struct page_batch *batch, bool is_over)
{
	for (uint32_t i = 0; i < batch->count; i++)
		batch->is_high |= is_high(paging, batch->pages[i]);
	is_over |= batch->person == NULL || batch->first_way >= batch->person->reach_count;
	if (!is_over && page_send(paging, batch))
		return;
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct held_page *from = batch->pages[i];
		const struct page page = held_page_as_page(from);
		struct held_page *held;

		if (is_over) {
			page_note(paging, from->incident, "page_unreached",
				  "%s: no way is left to try", from->person);
			continue;
		}
		if (find_held(paging, &page) != NULL || paging->held_count >= PAGES_HELD_MAX)
			continue;
		held = held_page_new(from->number, from->person, from->incident);
		held_page_tell(held, &page);
		paging_keep(paging, held);
		hold(paging, held, HELD_CAP, batch->free_ms, batch->reason);
	}
}

/* ---- time and the site ---- */

static void find_next(struct paging *paging)
{
	paging->next_ms = INT64_MAX;
	for (uint32_t i = 0; i < paging->held_count; i++)
		if (paging->held[i]->due_ms < paging->next_ms)
			paging->next_ms = paging->held[i]->due_ms;
}

static struct held_page *find_due(const struct paging *paging, int64_t now_ms)
{
	for (uint32_t i = 0; i < paging->held_count; i++)
		if (paging->held[i]->due_ms <= now_ms)
			return paging->held[i];
	return NULL;
}

void paging_advance(struct paging *paging)
{
	int64_t now_ms = now_of(paging);
	struct held_page *due;

	if (paging->config == NULL || paging->next_ms > now_ms)
		return;
	while ((due = find_due(paging, now_ms)) != NULL) {
		char *person = mem_copy_text(due->person);

		look(paging, person, now_ms);
		mem_free(person);
	}
	find_next(paging);
}

int64_t paging_next_ms(const struct paging *paging)
{
	return paging->next_ms;
}

/** Whatever they were held for may hold no longer. */
static void ask_again(struct paging *paging, uint64_t incident)
{
	bool is_any = false;

	for (uint32_t i = 0; i < paging->held_count; i++) {
		if (incident != 0 && paging->held[i]->incident != incident)
			continue;
		paging->held[i]->due_ms = 0;
		is_any = true;
	}
	if (!is_any)
		return;
	paging->next_ms = 0;
	if (paging->options.on_wake != NULL)
		paging->options.on_wake(paging->options.arg);
}

void paging_on_incident(struct paging *paging, const struct incident *incident, const char *event)
{
	bool is_other = strcmp(event, "raised") == 0 || strcmp(event, "edited") == 0 ||
			strcmp(event, "unsnoozed") == 0;

	if (is_other)
		ask_again(paging, incident->number);
}

void paging_configure(struct paging *paging, const struct config *config)
{
	paging->config = config;
	ask_again(paging, 0);
}

int paging_new(struct paging **out, const struct paging_options *options, struct err_note *why)
{
	struct paging *paging = mem_alloc(sizeof(*paging));
	int code;

	paging->options = *options;
	paging->next_ms = INT64_MAX;
	code = paging_load(paging, why);
	if (code != 0) {
		paging_free(paging);
		return code;
	}
	find_next(paging);
	*out = paging;
	return 0;
}

void paging_free(struct paging *paging)
{
	if (paging == NULL)
		return;
	for (uint32_t i = 0; i < paging->held_count; i++)
		held_page_free(paging->held[i]);
	for (uint32_t i = 0; i < paging->used_count; i++) {
		mem_free(paging->used[i].person);
		mem_free(paging->used[i].output);
		cap_log_deinit(&paging->used[i].log);
	}
	mem_free(paging->held);
	mem_free(paging->used);
	mem_free(paging);
}

void paging_usage(const struct paging *paging, struct paging_usage *out)
{
	*out = paging->usage;
	out->held = paging->held_count;
}

const struct config *paging_config(const struct paging *paging)
{
	return paging->config;
}

uint64_t paging_held_of(const struct paging *paging, const char *person)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < paging->held_count; i++)
		count += strcmp(paging->held[i]->person, person) == 0;
	return count;
}
