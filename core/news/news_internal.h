/** news_internal.h - what the files of core/news share; also for its tests. */
#ifndef TOCSIN_CORE_NEWS_NEWS_INTERNAL_H
#define TOCSIN_CORE_NEWS_NEWS_INTERNAL_H

#include "core/base/pointer_map.h"
#include "core/news/news.h"

/** What is told, and how.
 *    name      of incident.h
 *    message   event of core/channel/message.h; a QUIET one is told in words of the one before
 *    how       MAIN to everybody; CALL to everybody, but for limited outputs during a snooze;
 *              QUIET where a message is edited, and to machines
 */
#define NEWS_EVENT_LIST(X)                                                                         \
	X(candidate, candidate, MAIN, "waits for approval", "待确认")                              \
	X(opened, opened, MAIN, "opened", "触发")                                                  \
	X(reopened, reopened, MAIN, "opened again", "再次触发")                                    \
	X(acked, acked, MAIN, "acknowledged", "已响应")                                            \
	X(unacked, unacked, CALL, "given back", "取消响应")                                        \
	X(ack_timeout, unacked, CALL, "acknowledged, but not in hand in time", "响应超时")         \
	X(handling, handling, MAIN, "in hand", "处理中")                                           \
	X(mitigated, mitigated, MAIN, "mitigated", "已止损")                                       \
	X(resolved, resolved, MAIN, "resolved", "已解决")                                          \
	X(cancelled, cancelled, MAIN, "cancelled", "已取消")                                       \
	X(merged, merged, MAIN, "merged into", "已合并到")                                         \
	X(raised, raised, CALL, "raised to", "升级为")                                             \
	X(lowered, lowered, QUIET, "lowered to", "降级为")                                         \
	X(assigned, assigned, QUIET, "given to", "转交")                                           \
	X(edited, edited, QUIET, "changed", "已修改")                                              \
	X(closed, closed, QUIET, "closed", "已关闭")

enum news_event {
#define NEWS_ENUM(name, message, how, en, zh) NEWS_##name,
	NEWS_EVENT_LIST(NEWS_ENUM)
#undef NEWS_ENUM
		NEWS_EVENTS
};
enum news_how { NEWS_HOW_MAIN, NEWS_HOW_CALL, NEWS_HOW_QUIET };

struct news_event_row {
	const char *name, *message, *en, *zh;
	enum news_how how;
};
const struct news_event_row *news_event_row(enum news_event event);
/** NEWS_EVENTS: not one that is told. */
enum news_event news_event_of(const char *name);

/** One event, for the text of a message. */
struct news_line {
	uint64_t sequence;
	int64_t at_ms;
	enum news_event event;
	char *detail; /**< by whom, to what; or NULL */
};

/** What one output knows of an incident: events are numbered from 1. */
struct news_known {
	char *output;
	uint64_t wanted; /**< the latest event that it is to be told */
	uint64_t put;    /**< the latest that stands in a message */
	uint64_t told;   /**< the latest of those in a message that was delivered */
	int64_t sent_ms[NEWS_LIMIT_MAX];
	uint32_t sent_count;
};

/** A message that the outbox has not answered for. */
struct news_flight {
	struct news_item *item;
	char *output;
	uint64_t sequence;
	struct news_flight *next;
};

struct news_item {
	uint64_t incident;
	uint64_t sequence;                      /**< of the latest event */
	enum news_event event;                  /**< the latest that is not quiet */
	bool is_over;                           /**< nothing comes after it */
	struct news_line lines[NEWS_LINES_MAX]; /**< the oldest first */
	uint32_t line_count;
	struct news_known known[NEWS_OUTPUTS_MAX];
	uint32_t known_count;
	/* In memory only. */
	struct news *news;
	struct news_flight *flights;
	bool is_waiting; /**< in the list */
	struct news_item *next, *previous;
};

struct news {
	struct news_options options;
	struct news_output outputs[NEWS_OUTPUTS_MAX]; /**< names owned */
	uint32_t output_count;
	uint32_t limit_count;
	int64_t limit_ms;
	const struct zone *zone;
	struct pointer_map items; /**< by incident number (8 bytes) */
	struct news_item *waiting;
	struct timer *timer;
	struct news_usage usage;
};

/* news.c */
struct news_item *news_find(const struct news *news, uint64_t incident);
void news_wait(struct news *news, struct news_item *item);
void news_wait_no_more(struct news *news, struct news_item *item);
/** Nothing waits for it or comes back to it: it is forgotten. */
void news_forget(struct news *news, struct news_item *item);
const struct news_output *news_find_output(const struct news *news, const char *name);

/* news_send.c */
void news_on_time(void *arg);

/* news_row.c */
int news_load(struct news *news, struct err_note *why);
void news_save(struct news *news, const struct news_item *item);
void news_erase(struct news *news, const struct news_item *item);
void news_item_free(struct news_item *item);

/* news_text.c */
/** The body of the message that tells the output what it does not know yet. */
void news_append_body(const struct news *news, const struct news_item *item,
		      const struct news_known *known, const struct news_output *output,
		      const struct incident *incident, struct bytes *out);

#endif
