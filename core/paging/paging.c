#include "core/paging/paging_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/incident/incident.h"
#include "core/oncall/person.h"

#include <string.h>

/* ---- what is asked for ---- */

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

/** Those that were kept last are looked at first: in a storm it is the last. */
static bool is_capped_now(const struct paging *paging, uint64_t number)
{
	for (uint32_t i = paging->held_count; i-- > 0 && paging->held[i]->number >= number;)
		if (paging->held[i]->number == number)
			return paging->held[i]->held_for == HELD_CAP;
	return false;
}

int paging_page(struct paging *paging, const struct page *page, struct err_note *why)
{
	int64_t now_ms = paging_now_ms(paging);
	struct held_page *held = paging_find_held(paging, page);
	struct err_note note = {""};
	int code = check(paging, page, &note);
	uint64_t number;
	bool is_capped;

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
		held_page_tell(held, page);
		paging_keep(paging, held);
	} else {
		held_page_tell(held, page);
	}
	number = held->number;
	held->due_ms = now_ms;
	paging_look_at(paging, held);
	is_capped = is_capped_now(paging, number);
	if (paging->options.on_wake != NULL)
		paging->options.on_wake(paging->options.arg);
	if (is_capped)
		return err_set(why, ERR_FULL, "%.64s could not be reached now", page->person);
	return 0;
}

/** The way of a message refused it for good: the next ones, or the person is not reached by it. */
void paging_send_on(struct paging *paging, struct page_batch *batch, bool is_over)
{
	for (uint32_t i = 0; i < batch->count; i++)
		batch->is_high |= page_is_high(paging, batch->pages[i]);
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
		if (paging_find_held(paging, &page) != NULL || paging->held_count >= PAGES_HELD_MAX)
			continue;
		held = held_page_new(from->number, from->person, from->incident);
		held_page_tell(held, &page);
		paging_keep(paging, held);
		page_hold(paging, held, HELD_CAP, batch->free_ms, batch->reason);
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
	int64_t now_ms = paging_now_ms(paging);
	struct held_page *due;

	if (paging->config == NULL || paging->next_ms > now_ms)
		return;
	while ((due = find_due(paging, now_ms)) != NULL) {
		char *person = mem_copy_text(due->person);

		paging_look(paging, person);
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
	pointer_map_init(&paging->by_topic, options->seed);
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
	pointer_map_deinit(&paging->by_topic);
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
