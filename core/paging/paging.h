/** paging.h - who is reached how and when: a page for a person becomes messages, now or later.
 *
 *  Order before each send: the incident's state -> quiet hours -> bundling -> caps of the person by
 *  the output -> caps of the output -> what is kept for P1 and P2. The answer is one of
 *
 *    sent     by the first way of the person's `reach` that has room; an important page by all of
 *             them, so that a call rings and a message says why
 *    held     until the quiet hours end, or the snooze, or the bundle's span, or a way has room;
 *             then everything is asked again. Pages of one incident for one person are one
 *    dropped  nobody needs to be told any more
 *
 *  and stands with its reason on the incident's timeline: page, page_held, page_unreached,
 *  page_dropped, page_delivered, page_failed. P1 and major incidents skip quiet hours and bundling,
 *  not caps: those are the carrier's. A way that refuses a page for good gives it to the next one.
 *  What events call for help, and are dropped once somebody has the incident: opened, reopened,
 *  unacked, ack_timeout, raised, escalated. Others are news, which only ends with the span it was
 *  held for.
 *  Caps are exact: so many in any span of that length; they and held pages are in the store.
 *
 *  Owner: paging_new() result owned; what the options name is borrowed until paging_free().
 *  Threads: loop thread. Time: the callback `now_ms`, wall milliseconds.
 *  Limits: PAGES_HELD_MAX held pages; past it the newest is refused, counted. PAGE_TEXT_BYTES_MAX.
 */
#ifndef TOCSIN_CORE_PAGING_PAGING_H
#define TOCSIN_CORE_PAGING_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct commit;
struct config;
struct err_note;
struct incident;
struct incident_store;
struct kv;
struct oncall_person;
struct paging;
struct rate;

enum { PAGES_HELD_MAX = 10000, PAGE_TEXT_BYTES_MAX = 4096, PAGE_LINES_MAX = 20 };

struct page {
	const char *person; /**< of the site's people */
	uint64_t incident;  /**< 0: of none */
	const char *event;  /**< core/channel/message.h; "escalated" for a chain's calls */
	const char *text;   /**< what a person should read; may be NULL with an incident */
	bool is_important;  /**< by all ways at once */
	const char *cause;  /**< "chain payments, step 2", for the timeline */
	const char *topic;  /**< NULL, or what only paging_options can make sense of */
};

struct paging_options {
	struct kv *kv;
	struct commit *commit;
	struct incident_store *incidents;
	int64_t (*now_ms)(void *arg);
	/** A row for an output, into commit_batch(). */
	int (*send)(void *arg, const char *output, const char *id, struct slice body,
		    struct err_note *why);
	/** Is the topic of a page still open? And what of it only the person may read, for ways
	 *  where nobody else does; `is_short`: for a text of few letters. May be NULL. */
	bool (*is_open)(void *arg, const char *topic);
	void (*append_private)(void *arg, const char *topic, const char *person, bool is_short,
			       struct bytes *out);
	uint64_t seed;              /**< of a hash table: topics may come from outside */
	void (*on_wake)(void *arg); /**< paging_next_ms() may be earlier than it was */
	void *arg;
};

/** Reads held pages and used caps. ERR_IO, ERR_CORRUPT. */
int paging_new(struct paging **out, const struct paging_options *options, struct err_note *why);
void paging_free(struct paging *paging);
/** The site, borrowed until the next call. Held pages of people who are gone are dropped. */
void paging_configure(struct paging *paging, const struct config *config);

/** In commit_batch(). 0: sent, or held for quiet hours or a bundle. ERR_FULL: not reached now: each
 *  way is used up, or too many pages are held; the page waits for the first way with room, and a
 *  chain may go on to others. ERR_NOT_FOUND: no such person. ERR_INVALID: nobody could be reached
 *  by it ever (no `reach`), or no text. */
int paging_page(struct paging *paging, const struct page *page, struct err_note *why);

/** After paging_page() of it: NULL when it is not held, else the words for it, and until when. */
const char *paging_why_held(const struct paging *paging, const struct page *page,
			    int64_t *until_ms);

/** What time does by itself, and when next (INT64_MAX: never). The caller kicks the commit. */
void paging_advance(struct paging *paging);
int64_t paging_next_ms(const struct paging *paging);
/** An incident was raised to P1 or became major: its held pages do not wait for the morning. */
void paging_on_incident(struct paging *paging, const struct incident *incident, const char *event);

/** The gate of the outbox: is the row of a page still wanted? True for rows of others. False:
 *  `reason` (reason_bytes) says why, and it is on the timeline. */
bool paging_may_send(struct paging *paging, const char *id, struct slice body, char *reason,
		     size_t reason_bytes);
/** What became of a row that was sent to an output; rows of others are ignored. Refused for good:
 *  the next way is taken. */
void paging_on_sent(struct paging *paging, const char *output, const char *id, struct slice body,
		    bool is_delivered, const char *error);

#define PAGING_COUNTER_LIST(X)                                                                     \
	X(pages, "Pages asked for.")                                                               \
	X(sent, "Messages of pages put into the outbox.")                                          \
	X(delivered, "Messages of pages that an output took.")                                     \
	X(failed, "Messages of pages that an output refused for good.")                            \
	X(bundled, "Pages that went in the message of another one.")                               \
	X(quiet, "Pages held for quiet hours.")                                                    \
	X(capped, "Pages for which no way had room.")                                              \
	X(dropped, "Pages that nobody needed any more.")                                           \
	X(refused, "Pages beyond the limit of held ones.")

struct paging_usage {
#define PAGING_MEMBER(name, text) uint64_t name;
	PAGING_COUNTER_LIST(PAGING_MEMBER) /* since the start */
#undef PAGING_MEMBER
	uint64_t held; /**< now */
};
void paging_usage(const struct paging *paging, struct paging_usage *out);

const struct config *paging_config(const struct paging *paging); /**< NULL: not configured yet */

/** A person's ways as they are now. */
struct paging_way {
	const char *output, *address;
	uint32_t rate_count;
	const struct rate *rates;
	const uint32_t *used; /**< by the index of the rate */
	int64_t free_ms;      /**< 0: now, else from then on (as for a P3) */
};
void paging_each_way(const struct paging *paging, const struct oncall_person *person,
		     void (*each)(void *arg, const struct paging_way *way), void *arg);
uint64_t paging_held_of(const struct paging *paging, const char *person);

#endif
