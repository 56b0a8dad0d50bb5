/** paging_internal.h - between the files of paging, and for their tests.
 *
 *      paging.c       what is asked for, what time and the site do
 *      page_look.c    which pages of a person are due, and what becomes of them
 *      page_send.c    by which way, as which message; what goes into the outbox
 *      page_row.c     the row of the outbox; the gate; what became of it
 *      held_page.c    held pages and used caps in the store
 *      cap_log.h      whether a way has room
 */
#ifndef TOCSIN_CORE_PAGING_PAGING_INTERNAL_H
#define TOCSIN_CORE_PAGING_PAGING_INTERNAL_H

#include "core/base/pointer_map.h"
#include "core/paging/cap_log.h"
#include "core/paging/paging.h"

struct json_t;

enum held_for { HELD_NOT, HELD_QUIET, HELD_SNOOZE, HELD_BUNDLE, HELD_CAP };

struct held_page {
	uint64_t number; /**< its key in the store */
	char *person;
	uint64_t incident;
	char *event, *text, *cause, *topic;
	bool is_important;
	int64_t due_ms;
	enum held_for held_for;
	int64_t stored_due_ms;
	bool is_stored;
	bool is_stored_now; /**< as it is */
	bool is_gone;       /**< until paging_compact() */
	bool is_urgent;     /**< as it was last looked at */
};

/** Pages that went by one output: to one person, or, with "" for the person, to everybody. */
struct used_way {
	char *person, *output;
	struct cap_log log;
};

struct paging {
	struct paging_options options;
	const struct config *config;
	struct held_page **held; /* by rising number */
	uint32_t held_count, held_capacity;
	uint32_t gone_count, bundle_count;
	struct pointer_map by_topic; /* person, incident, topic */
	struct used_way *used;
	uint32_t used_count, used_capacity;
	uint64_t number_last;
	int64_t next_ms; /* no held page is due earlier */
	struct paging_usage usage;
};

/* ---- held_page.c ---- */

struct held_page *held_page_new(uint64_t number, const char *person, uint64_t incident);
/** What is told, the latest wins; important once is important. */
void held_page_tell(struct held_page *page, const struct page *from);
void held_page_free(struct held_page *page);
/** What is told, as a JSON object, and back: NULL when it is none. */
void held_page_append(const struct held_page *page, size_t text_max, struct bytes *out);
/** At most so many bytes of it, not cut within a letter. NULL: 0. */
size_t page_text_length(const char *text, size_t bytes_max);
struct held_page *held_page_read(const struct json_t *row, uint64_t number, const char *person);
/** Into commit_batch(). */
void held_page_store(const struct paging *paging, struct held_page *page);
/** Away from the store; its place and memory go with paging_compact(). */
void paging_forget(struct paging *paging, struct held_page *page);
void paging_compact(struct paging *paging);
/** After held_page_tell(). */
void paging_keep(struct paging *paging, struct held_page *page);
/** The held page of the same person, incident and topic, or NULL; pages of no incident and topic
 *  are never the same. */
struct held_page *paging_find_held(const struct paging *paging, const struct page *page);
int paging_load(struct paging *paging, struct err_note *why);

/** Made when it is not there. */
struct used_way *paging_used(struct paging *paging, const char *person, const char *output);
/** NULL: nothing went by it yet. */
const struct used_way *paging_find_used(const struct paging *paging, const char *person,
					const char *output);
void used_way_store(const struct paging *paging, const struct used_way *used);

/* ---- page_send.c ---- */

/** Pages of one person that go together. */
struct page_batch {
	const struct oncall_person *person;
	struct held_page **pages;
	uint32_t count;
	bool is_important; /**< by all ways */
	bool is_high;      /**< of P1, P2 or major: may use what is kept for them */
	uint32_t first_way;
	int64_t now_ms;
	char reason[256]; /**< why nobody was reached */
	int64_t free_ms;  /**< then: when a way has room, 0: none ever */
};

/** True: rows went to the outbox, and the timeline says by which ways. */
bool page_send(struct paging *paging, struct page_batch *batch);

/* ---- page_row.c ---- */

/** The row of the outbox: a message of core/channel with a member "page" that says whose it is. */
void page_row_append(const struct paging *paging, const struct page_batch *batch, uint32_t way,
		     struct bytes *out);

/* ---- page_look.c ---- */

int64_t paging_now_ms(const struct paging *paging);
/** What is due of a person is dropped, held or sent. */
void paging_look(struct paging *paging, const char *person);
/** The same for one page that is due now. */
void paging_look_at(struct paging *paging, struct held_page *page);
void page_hold(struct paging *paging, struct held_page *page, enum held_for held_for,
	       int64_t until_ms, const char *reason);
bool page_is_high(const struct paging *paging, const struct held_page *page);

/* ---- paging.c ---- */

/** The next ways of pages (borrowed) that one way refused; held when none has room; `is_over`:
 *  there is no way left. */
void paging_send_on(struct paging *paging, struct page_batch *batch, bool is_over);

/** False: nobody needs the page any more, and `reason` says why. */
bool page_is_wanted(const struct paging *paging, const struct page *page, char *reason,
		    size_t reason_bytes);
struct page held_page_as_page(const struct held_page *held); /**< borrowed from it */
void page_note(const struct paging *paging, uint64_t incident, const char *kind, const char *format,
	       ...) __attribute__((format(printf, 4, 5)));

#endif
