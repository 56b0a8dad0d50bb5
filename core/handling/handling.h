/** handling.h - between the engine's alerts and the outbox: who is told, when, and why not.
 *
 *      alert -> dedupe -> silenced? inhibited? settle -> routes -> group -> send
 *
 *  An alert is open from its first state that is not "resolved" until "resolved"; its key is rule
 *  and dimension. The states of an open alert stand at the top of handling.c.
 *  - dedupe: an alert id is handled once, also across restarts.
 *  - silence: silence.h. A silenced alert is told to nobody; when the silence ends while the alert
 *    is open, it is sent then.
 *  - inhibition (site option `inhibit`): while an alert of `source` is open, alerts of `target`
 *    with the same `equal` values are not sent. Open alerts are durable, so a restart decides the
 *    same; a target waits `settle` for its source, also when the source goes, so the order in which
 *    they arrive does not matter. A property that one of them lacks is not equal. An alert that
 *    matches both sides is no target; two alerts never keep each other quiet.
 *  - routes (site option `routes`): the first that matches, and those after it while `continue`;
 *    none: the rule's own output. An output is told once of an alert.
 *  - groups: alerts of a route with the same `by` values become one document, after `wait` for the
 *    first and `interval` between two. Every transition is in it. A resolved alert sends its group
 *    at the end of the turn.
 *  - repeats (`repeat_every` of a route): what is still open is told again that long after it was
 *    told, unless a silence or a source keeps it quiet by then (repeat.c).
 *  - resolved goes to exactly the outputs that got something of this alert while it was open.
 *  What was decided of an alert, and why, is kept with it (handling_append_fate()).
 *
 *  All rows go into commit_batch() with the alert. Owner: handling_new() result owned; kv, commit
 *  borrowed. Threads: loop thread. Time (wall ms) is passed in; a clock that steps back makes
 *  everything that waits due.
 *  Limits, each counted: HANDLING_OPEN_MAX (past it an alert is sent and its resolve follows the
 *  routes of then), HANDLING_GROUPS_MAX (past it alerts are sent by themselves),
 *  HANDLING_GROUP_ALERTS_MAX and _BYTES_MAX (the group is sent at once), SILENCES_MAX.
 */
#ifndef TOCSIN_CORE_HANDLING_HANDLING_H
#define TOCSIN_CORE_HANDLING_HANDLING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct alert;
struct commit;
struct config;
struct err_note;
struct handling;
struct kv;
struct match;
struct silences;
struct zone;

enum {
	HANDLING_OPEN_MAX = 200000,
	HANDLING_GROUPS_MAX = 10000,
	HANDLING_GROUP_ALERTS_MAX = 1000,
	HANDLING_GROUP_BYTES_MAX = 768 * 1024,
	HANDLING_LIST_MAX = 10000,
	/** Documents of single alerts that are told again in one turn; the others in the next. */
	HANDLING_REPEATS_MAX = 1000
};

struct handling_options {
	struct kv *kv;
	struct commit *commit;
	uint64_t seed; /**< of hash tables: keys come from readings */
	/** Into the outbox, in commit_batch(). */
	int (*on_send)(void *arg, const char *output, const char *id, struct slice body,
		       struct err_note *why);
	/** The alert is let through (or has resolved): incidents may know of it. `incident_key` as
	 *  it was given, or NULL. Must not call handling. */
	void (*on_pass)(void *arg, const struct alert *alert, const char *incident_key,
			int64_t now_ms);
	/** It is silenced or inhibited: `text` says by what. */
	void (*on_mute)(void *arg, const struct alert *alert, const char *incident_key,
			const char *text, int64_t now_ms);
	/** handling_recheck() was called: a turn is due soon. */
	void (*on_wake)(void *arg);
	void *arg;
};

/** Reads what is open, held and silenced. ERR_CORRUPT, ERR_IO. */
int handling_new(struct handling **out, const struct handling_options *options,
		 struct err_note *why);
void handling_free(struct handling *handling);
/** Routes, inhibitions and languages from here on; `config` is referenced, `zone` borrowed until
 *  the next call. Groups that gather stay. Must be called before anything below. */
void handling_configure(struct handling *handling, struct config *config, const struct zone *zone);

/** `output` is the rule's; `incident_key` NULL: it opens no incident. */
void handling_on_alert(struct handling *handling, const struct alert *alert, const char *output,
		       const char *incident_key, int64_t now_ms);
/** Sends what is due; at the end of each turn that gave alerts, before its commit is kicked. Cheap
 *  when nothing is. */
void handling_advance(struct handling *handling, int64_t now_ms);
/** When handling_advance() is due, wall ms; INT64_MAX: not by time. */
int64_t handling_next_ms(const struct handling *handling);
/** Silences were added or ended: decide again in the next handling_advance(). */
void handling_recheck(struct handling *handling);

struct silences *handling_silences(struct handling *handling);
/** The site's time zone, borrowed until the next handling_configure(). */
const char *handling_zone_name(const struct handling *handling);
/** As given to handling_configure(), borrowed until the next one. */
const struct config *handling_config(const struct handling *handling);
/** Records of alerts whose row in the alert log is older than `before_ms` go (before that is
 *  trimmed), and silences that ended long ago. */
int handling_trim(struct handling *handling, int64_t before_ms, int64_t now_ms,
		  struct err_note *why);

/** What is open now, as JSON objects: rule, key, severity, state, wait, told. `match` NULL: all. */
void handling_each_open(struct handling *handling, const struct match *match,
			void (*each)(void *arg, struct slice json), void *arg);
/** The latest alerts of the alert log, latest first, at most `max` of `rule` (NULL: any): JSON as
 *  by handling_append_fate(), without the document. The commit is flushed first. */
int handling_each_fate(struct handling *handling, const char *rule, uint32_t max,
		       void (*each)(void *arg, struct slice json), void *arg, struct err_note *why);
/** One alert with its events, oldest first, and its document. ERR_NOT_FOUND. */
int handling_append_fate(struct handling *handling, const char *id, struct bytes *out,
			 struct err_note *why);

#define HANDLING_COUNTER_LIST(X)                                                                   \
	X(received, "Alerts from the engine.")                                                     \
	X(duplicate, "Alerts whose id was there already.")                                         \
	X(sent, "Documents put into the outbox.")                                                  \
	X(failed, "Documents that the outbox refused.")                                            \
	X(silenced, "Alerts silenced.")                                                            \
	X(inhibited, "Alerts inhibited.")                                                          \
	X(settled, "Alerts that waited for a source.")                                             \
	X(released, "Alerts sent after their silence or source ended.")                            \
	X(unsent_resolved, "Resolved alerts of which nobody was told.")                            \
	X(repeated, "Alerts told again because they were still open.")                             \
	X(held, "Alerts put into groups.")                                                         \
	X(groups_sent, "Documents of groups.")                                                     \
	X(groups_cut, "Groups sent early because they were full.")                                 \
	X(groups_refused, "Alerts sent by themselves: too many groups.")                           \
	X(untracked, "Alerts beyond the limit of open ones.")

struct handling_usage {
#define HANDLING_MEMBER(name, text) uint64_t name;
	HANDLING_COUNTER_LIST(HANDLING_MEMBER) /* since the start */
#undef HANDLING_MEMBER
	uint64_t open_count, silenced_count, inhibited_count, settling_count;
	uint64_t group_count, held_count;
	uint64_t silence_count;    /**< that hold now */
	uint64_t silences_refused; /**< since the start */
};
void handling_usage(const struct handling *handling, int64_t now_ms, struct handling_usage *out);

#endif
