/** news.h - what becomes of an incident is told to the outputs of `incidents.tell`.
 *
 *      event of an incident -> row of what is to be told (in the event's batch)
 *        -> end of the turn: one message for each output, or later: the output's limit
 *        -> just before it is sent: is there newer news of this incident? Then it is dropped.
 *
 *  A message says what the incident is now and what happened since the last one, so a message that
 *  is left out loses nothing: the next has it. Three kinds of outputs:
 *    edited   a channel that can edit has one message for each incident (core/outbox/ledger.h);
 *             every visible change edits it
 *    limited  another channel of people gets at most `limit_count` messages of one incident in
 *             `limit_ms`; what comes above that is one message when there is room again
 *    machine  a file, a webhook, standard output: everything at once, without a limit
 *  During a snooze, what calls people (raised, unacked) is not told to limited ones.
 *
 *  Owner: news_new() result owned; options' objects borrowed. Threads: loop thread. Time: wall ms
 *  of the loop; a clock that steps back makes what waits due.
 *  Limits: NEWS_INCIDENTS_MAX incidents are remembered (past it the ended ones are forgotten: what
 *  is told of them again is a new message), NEWS_LINES_MAX events of each.
 */
#ifndef TOCSIN_CORE_NEWS_NEWS_H
#define TOCSIN_CORE_NEWS_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct commit;
struct err_note;
struct incident;
struct incident_store;
struct kv;
struct loop;
struct news;
struct zone;

enum {
	NEWS_OUTPUTS_MAX = 8,
	NEWS_LIMIT_MAX = 20,
	NEWS_LINES_MAX = 8,
	NEWS_INCIDENTS_MAX = 25000,
	NEWS_REASON_BYTES = 256
};

struct news_options {
	struct kv *kv;
	struct commit *commit;
	struct loop *loop;
	const struct incident_store *incidents;
	uint64_t seed; /**< of hash tables */
	/** Into the outbox, in commit_batch(); `on_sent` may be called later, with `sent_arg`. */
	int (*on_put)(void *arg, const char *output, const char *id, struct slice body,
		      void (*on_sent)(void *sent_arg, bool is_delivered, const char *error),
		      void *sent_arg, struct err_note *why);
	/** A message of it was delivered. */
	void (*on_told)(void *arg, uint64_t incident);
	void *arg;
};

/** Reads what is still to be told; it is told after news_configure(). ERR_IO, ERR_CORRUPT. */
int news_new(struct news **out, const struct news_options *options, struct err_note *why);
void news_free(struct news *news);

enum news_kind { NEWS_EDITED, NEWS_LIMITED, NEWS_MACHINE };

struct news_output {
	const char *name;
	enum news_kind kind;
	bool is_zh;
};

struct news_settings {
	const struct news_output *outputs;
	uint32_t output_count; /**< at most NEWS_OUTPUTS_MAX */
	uint32_t limit_count;  /**< 1 to NEWS_LIMIT_MAX */
	int64_t limit_ms;
	const struct zone *zone; /**< borrowed until the next call */
};

/** Copied. What waits for an output that is no longer there is not told. */
void news_configure(struct news *news, const struct news_settings *settings);

/** An event of core/incident/incident.h, in its batch. */
void news_on_incident(struct news *news, const struct incident *incident, const char *name);

/** For outbox_gate: is this row, put here, still to be sent? False: `reason` (NEWS_REASON_BYTES)
 *  says why. */
bool news_may_send(struct news *news, const char *output, const char *id, char *reason);

struct news_usage {
	uint64_t put_count;      /**< messages */
	uint64_t bundled_count;  /**< events that were told together with a later one */
	uint64_t outdated_count; /**< messages that were dropped for a newer one */
	uint64_t waiting_count;  /**< incidents with news that waits for a limit, now */
};
void news_usage(const struct news *news, struct news_usage *out);

#endif
