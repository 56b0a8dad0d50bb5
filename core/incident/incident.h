/** incident.h - what people handle: alerts that belong together, with a life cycle, revisions and a
 *  timeline.
 *
 *      OPEN -ack-> ACKED -plan-> HANDLING -alerts resolved-> MITIGATED -resolve-> RESOLVED
 *      OPEN -plan-> HANDLING      MITIGATED -same key fires-> OPEN (reopen_count + 1)
 *      HANDLING -ack-> HANDLING (a plan was faster than its first reader; once)
 *      OPEN, ACKED -alerts resolved-> MITIGATED
 *      any of OPEN ACKED HANDLING MITIGATED -resolve-> RESOLVED
 *      RESOLVED -same key fires within reopen_window-> OPEN; later -> a new incident
 *
 *  When all alerts of an incident have resolved and no plan run is active, it becomes MITIGATED and
 *  then, by the rule of the store (resolve policy `all`), RESOLVED by itself. The table of allowed
 *  moves stands at the top of incident.c; a test walks it.
 *  Every move is a command with the revision it saw (0 = whatever it is), actor and reason; it is
 *  checked, put on the timeline and written through commit_batch(). A stale revision is
 *  ERR_CONFLICT, never applied. Moves, alerts and runs raise the revision; notes do not.
 *  Owner: store owned; incidents borrowed from it until the next alert. Threads: loop thread. Time
 *  passed in.
 *  Limits: INCIDENTS_OPEN_MAX open ones (then alerts join the overflow incident, counted),
 *  INCIDENTS_CLOSED_MAX resolved ones in memory (older ones stay in the store only),
 *  INCIDENT_ALERTS_MAX alerts held at once and INCIDENT_TIMELINE_MAX records each (counted).
 */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct alert;
struct incident_member;
struct commit;
struct err_note;
struct incident_store;
struct kv;

#define INCIDENT_STATE_LIST(X)                                                                     \
	X(OPEN, "OPEN")                                                                            \
	X(ACKED, "ACKED")                                                                          \
	X(HANDLING, "HANDLING")                                                                    \
	X(MITIGATED, "MITIGATED")                                                                  \
	X(RESOLVED, "RESOLVED")
enum incident_state {
#define INCIDENT_ENUM(name, text) INCIDENT_##name,
	INCIDENT_STATE_LIST(INCIDENT_ENUM)
#undef INCIDENT_ENUM
};

enum {
	INCIDENTS_OPEN_MAX = 10000,
	INCIDENTS_CLOSED_MAX = 10000,
	INCIDENT_TIMELINE_MAX = 10000,
	INCIDENT_ALERTS_MAX = 1000
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
	uint32_t firing_count; /**< alerts firing now */
	uint32_t active_runs;  /**< plan runs not ended */
	uint64_t alert_count;
	/** Wall milliseconds, 0 = not yet. Reopening clears mitigated and resolved. */
	int64_t impact_start_ms, opened_ms, acked_ms, first_plan_ms, mitigated_ms, resolved_ms;
	char *owner; /**< who acknowledged, or NULL */
	/** Alerts that joined while it was open; each its own row (incident_member.c). */
	struct incident_members {
		struct incident_member *first, *last;
	} firing, calm; /**< the longest there first */
	uint32_t member_count;
};

struct incident_options {
	struct kv *kv;
	struct commit *commit;
	int64_t reopen_window_ms; /**< default 10 min */
	uint64_t seed;            /**< of hash tables: keys come from readings */
	/** Something happened: event is "opened", "joined", "acked", "handling", "mitigated",
	 *  "reopened", "resolved". Called after the change is in commit_batch(), before it is
	 *  durable. The callee may start plan runs, which report in before the call returns. */
	void (*on_event)(void *arg, const struct incident *incident, const char *event);
	void *arg;
};

int incident_store_new(struct incident_store **out, const struct incident_options *options,
		       struct err_note *why);
void incident_store_free(struct incident_store *store);

/** A firing alert opens or joins; a resolved one is taken off (wherever it joined, whatever `key`
 *  is now). `key` is made by incident_key(). Returns the incident, or NULL (resolved alert without
 *  incident). The caller kicks the commit. */
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

/** Commands. `revision` 0 skips the check. ERR_NOT_FOUND, ERR_CONFLICT (stale, with the current
 *  state and revision in the note; or a move that is not drawn). */
int incident_ack(struct incident_store *store, uint64_t number, uint64_t revision,
		 const char *actor, const char *reason, int64_t now_ms, struct err_note *why);
int incident_resolve(struct incident_store *store, uint64_t number, uint64_t revision,
		     const char *actor, const char *reason, int64_t now_ms, struct err_note *why);
/** Plan runs report in; a starting run moves OPEN or ACKED to HANDLING, the last ending one may
 *  mitigate. */
void incident_run_started(struct incident_store *store, uint64_t number, const char *plan,
			  const char *run_id, int64_t now_ms);
void incident_run_ended(struct incident_store *store, uint64_t number, const char *plan,
			const char *run_id, const char *outcome, int64_t now_ms);
/** A fact on the timeline (plan step, message sent); does not change the state. */
void incident_note(struct incident_store *store, uint64_t number, const char *kind,
		   const char *actor, const char *text, int64_t now_ms);

/** Is an incident open that this alert (rule and dimension) joined since it opened, whether it
 *  still fires or not? How many are open of exactly this category? */
bool incident_has_joined(const struct incident_store *store, const struct alert *alert);
uint64_t incident_open_count_of(const struct incident_store *store, const char *category);

const struct incident *incident_find(const struct incident_store *store, uint64_t number);
void incident_each(const struct incident_store *store, bool open_only,
		   void (*each)(void *arg, const struct incident *incident), void *arg);
/** The incident as one line of JSON, with its alerts that fire. Its timeline: JSON records, oldest
 *  first {seq, time_ms, kind, actor, text, state, revision}; the commit is flushed first, so
 *  what is shown is durable. ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. */
void incident_append_json(const struct incident *incident, struct bytes *out);
int incident_each_timeline(const struct incident_store *store, uint64_t number,
			   void (*each)(void *arg, struct slice json), void *arg,
			   struct err_note *why);
const char *incident_state_name(enum incident_state state);

struct incident_usage {
	uint64_t opened_count, resolved_count; /**< since start */
	uint64_t open_count;                   /**< now */
	uint64_t overflow_count;               /**< alerts that joined the overflow incident */
	uint64_t untracked_count;              /**< alerts past INCIDENT_ALERTS_MAX, since start */
	uint64_t timeline_dropped_count;       /**< facts past INCIDENT_TIMELINE_MAX, since start */
};
void incident_usage(const struct incident_store *store, struct incident_usage *out);

#endif
