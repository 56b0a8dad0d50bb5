/** incident.h - what people handle: alerts that belong together, with a life cycle, revisions and a
 *  timeline.
 *
 *   CANDIDATE -approve-> OPEN -ack-> ACKED -handle, plan run-> HANDLING -impact ends-> MITIGATED
 *      -fix-> RESOLVED -review-> CLOSED
 *   CANDIDATE -reject, expire-> CANCELLED          OPEN ACKED HANDLING -false alarm-> CANCELLED
 *   OPEN ACKED HANDLING MITIGATED -merge-> MERGED  ACKED -unack, ack time-out-> OPEN
 *   MITIGATED RESOLVED -same key fires, reopen-> OPEN (reopen_count + 1)
 *   CLOSED (or RESOLVED for longer than the reopen window) -same key fires-> a new incident with
 *      recurrence_of
 *
 *  The one table of states and moves stands in incident_move.c; a test walks every pair.
 *  Every change raises the revision and is one record on the timeline, in one batch of commit.h
 *  with the row. A record has in "set" the members of the row that changed, so that
 *  incident_rebuild() gets the row from the timeline alone.
 *
 *  Events (on_event; the names are a contract, chains and plans are triggered by them):
 *    moves      candidate opened acked unacked ack_timeout handling mitigated resolved closed
 *               cancelled merged reopened
 *    others     joined raised lowered (priority) assigned edited commented snoozed unsnoozed
 *  Owner: store owned; incidents borrowed from it until the next alert. Threads: loop thread. Time
 *  passed in.
 *  Limits: INCIDENTS_OPEN_MAX open ones (then alerts join the overflow incident, counted),
 *  INCIDENTS_CLOSED_MAX others in memory (older ones stay in the store only), INCIDENT_ALERTS_MAX
 *  alerts held at once; facts past INCIDENT_TIMELINE_MAX records are counted, moves and commands
 *  are kept up to twice as many.
 */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct alert;
struct commit;
struct err_note;
struct incident_member;
struct incident_seen;
struct incident_settings;
struct incident_store;
struct kv;

/** CANDIDATE to MITIGATED are open: alerts join, and hold it open. */
#define INCIDENT_STATE_LIST(X)                                                                     \
	X(CANDIDATE, "CANDIDATE")                                                                  \
	X(OPEN, "OPEN")                                                                            \
	X(ACKED, "ACKED")                                                                          \
	X(HANDLING, "HANDLING")                                                                    \
	X(MITIGATED, "MITIGATED")                                                                  \
	X(RESOLVED, "RESOLVED")                                                                    \
	X(CLOSED, "CLOSED")                                                                        \
	X(CANCELLED, "CANCELLED")                                                                  \
	X(MERGED, "MERGED")
enum incident_state {
#define INCIDENT_ENUM(name, text) INCIDENT_##name,
	INCIDENT_STATE_LIST(INCIDENT_ENUM)
#undef INCIDENT_ENUM
};

enum {
	INCIDENTS_OPEN_MAX = 10000,
	INCIDENTS_CLOSED_MAX = 10000,
	INCIDENT_TIMELINE_MAX = 10000,
	INCIDENT_ALERTS_MAX = 1000,
	INCIDENT_NAMES_MAX = 64, /**< merchants; further ones are only counted while they fire */
	INCIDENT_SEVERITIES = 3
};

struct incident_names {
	char **names; /**< in the order they were hit */
	uint32_t count;
};

struct incident {
	uint64_t number;
	char *key; /**< "rule:<name>;merchantId=m1" */
	char *title;
	char *rule;
	char *severity;
	char *category;       /**< or NULL */
	char *message;        /**< of the latest firing alert, or NULL */
	char *labels_json;    /**< object of the first alert's labels */
	char *dimension_json; /**< object of the first alert's dimension */
	enum incident_state state;
	uint64_t revision; /**< from 1, +1 with every change */
	uint32_t timeline_count;
	uint32_t reopen_count;
	uint32_t comment_count;
	uint32_t firing_count; /**< alerts firing now */
	uint32_t active_runs;  /**< plan runs not ended; those of merged incidents count here */
	uint64_t alert_count;
	struct incident_names merchants;        /**< hit since it opened */
	struct incident_names services;         /**< label "service" of its alerts */
	uint32_t impact, urgency;               /**< 1-4 */
	uint32_t priority;                      /**< 1-5 */
	uint32_t forced_priority;               /**< by a person or a chain, 0: from the table */
	bool has_hand_impact, has_hand_urgency; /**< set by a person: no cool-down */
	bool is_major, is_drill;
	/** Wall milliseconds, 0 = not yet. Reopening clears mitigated and resolved; *_first_ms
	 *  and acked_ms keep the first, the others the last. A person may correct them. */
	int64_t impact_start_ms, detected_ms, opened_ms, first_notified_ms, acked_ms, first_plan_ms,
		mitigated_ms, resolved_ms;
	int64_t closed_ms; /**< or cancelled, or merged */
	int64_t opened_last_ms, acked_last_ms, mitigated_first_ms, resolved_first_ms;
	int64_t snoozed_until_ms;
	int64_t asked_ms; /**< when what the alerts ask for last changed */
	char *owner;      /**< or NULL */
	char *acked_by;   /**< since it was opened or reopened, or NULL */
	char *commander, *scribe, *liaison, *comms;
	uint64_t parent, merged_into, recurrence_of; /**< 0: none */
	/** Alerts that joined while it was open; each its own row (incident_member.c). */
	struct incident_members {
		struct incident_member *first, *last;
	} firing, calm; /**< the longest there first */
	uint32_t member_count;
	/* In memory only: what fires asks for (incident_priority.c), and what the timeline has. */
	struct incident_demand {
		uint32_t severities[INCIDENT_SEVERITIES];
		uint32_t merchants[INCIDENT_NAMES_MAX + 1]; /**< firing alerts of each */
		uint32_t merchant_count, unnamed_count;     /**< that fire; alerts of nobody */
		uint32_t impact, urgency;                   /**< asked for before */
	} demand;
	uint32_t joined_count;          /**< number of the alert that joined last */
	struct incident_member *newest; /**< it, or NULL */
	struct incident_seen *seen;     /**< or NULL: the next record has everything */
};

struct incident_options {
	struct kv *kv;
	struct commit *commit;
	const struct incident_settings *settings; /**< copied; NULL: the defaults */
	uint64_t seed;                            /**< of hash tables: keys come from readings */
	/** Something happened, see above. Called after the change is in commit_batch(), before it
	 *  is durable. The callee may start plan runs, which report in before the call returns. */
	void (*on_event)(void *arg, const struct incident *incident, const char *event);
	void *arg;
};

int incident_store_new(struct incident_store **out, const struct incident_options *options,
		       struct err_note *why);
void incident_store_free(struct incident_store *store);
/** The site changed. Incidents stay as they are until something happens to them. */
void incident_configure(struct incident_store *store, const struct incident_settings *settings);

/** A firing alert opens or joins; a resolved one is taken off (wherever it joined, whatever `key`
 *  is now). `key` is made by incident_key(). Returns the incident, or NULL (resolved alert without
 *  incident; one of an incident cancelled a short while ago). The caller kicks the commit. */
const struct incident *incident_on_alert(struct incident_store *store, const struct alert *alert,
					 const char *key, int64_t now_ms);
/** An alert that nobody is told of: a record "muted" on the timeline of the open incident of its
 *  key, with `text` saying why; nothing else changes, and none is opened. Returns it, or NULL. */
const struct incident *incident_on_muted_alert(struct incident_store *store,
					       const struct alert *alert, const char *key,
					       const char *text, int64_t now_ms);
/** Default key (rule and dimension) or only the named fields of the dimension, without the rule's
 *  name when `fields` is given: so that several rules can share an incident. Owned text. */
char *incident_key(const struct alert *alert, const char *const *fields, uint32_t field_count,
		   bool has_fields);

/** What time does by itself: ack time-out, candidates that expire, closing, cool-down, the end of
 *  a snooze. Cheap when nothing is due. The caller kicks the commit. */
void incident_tick(struct incident_store *store, int64_t now_ms);

/** Is an incident open that this alert (rule and dimension) joined since it opened, whether it
 *  still fires or not? How many are open of exactly this category? */
bool incident_has_joined(const struct incident_store *store, const struct alert *alert);
uint64_t incident_open_count_of(const struct incident_store *store, const char *category);

const struct incident *incident_find(const struct incident_store *store, uint64_t number);
void incident_each(const struct incident_store *store, bool open_only,
		   void (*each)(void *arg, const struct incident *incident), void *arg);
/** The incident as one line of JSON, with its alerts that fire. Its timeline: JSON records, oldest
 *  first {seq, time_ms, kind, actor, text, state, revision, set}; the commit is flushed first, so
 *  what is shown is durable. ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. */
void incident_append_json(const struct incident *incident, struct bytes *out);
/** The same without the list of its alerts: a few kilobytes at most. */
void incident_append_summary(const struct incident *incident, struct bytes *out);
int incident_each_timeline(const struct incident_store *store, uint64_t number,
			   void (*each)(void *arg, struct slice json), void *arg,
			   struct err_note *why);
/** The row as the timeline alone says it, and the stored row, in the same form. They are equal
 *  unless facts were left out of a full timeline since its last move. */
int incident_rebuild(const struct incident_store *store, uint64_t number, struct bytes *rebuilt,
		     struct bytes *stored, struct err_note *why);
const char *incident_state_name(enum incident_state state);
bool incident_is_open(enum incident_state state);
bool incident_is_unanswered(const struct incident *incident); /**< a plan at work is no answer */

struct incident_usage {
	uint64_t opened_count, resolved_count; /**< since start */
	uint64_t open_count;                   /**< now */
	uint64_t overflow_count;               /**< alerts that joined the overflow incident */
	uint64_t untracked_count;              /**< alerts past INCIDENT_ALERTS_MAX, since start */
	uint64_t timeline_dropped_count;       /**< facts past INCIDENT_TIMELINE_MAX, since start */
};
void incident_usage(const struct incident_store *store, struct incident_usage *out);

#endif
