/** incident_internal.h - what the files of core/incident share; also for its tests. */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_INTERNAL_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/pointer_map.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/incident/incident_settings.h"
#include "core/incident/number_map.h"

#define INCIDENT_SELF "engine"

/** An alert that joined an incident, from then until the incident is no longer open. */
struct incident_member {
	struct incident *incident;
	char *id; /**< "rule|merchantId=m1" */
	bool is_firing;
	uint8_t severity; /**< 0 info, 1 warning, 2 critical */
	uint8_t merchant; /**< 0: nobody; i + 1: merchants.names[i], past the list: unnamed */
	uint32_t joined;  /**< number in the order of joining */
	struct incident_member *next, *previous; /**< of those that fire, or of the others */
};

struct incident_store {
	struct incident_options options;
	struct incident_settings settings;
	struct incident **incidents; /**< by rising number; pointers stay while the array moves */
	uint32_t count;
	uint32_t capacity;
	uint32_t open_count;
	uint32_t open_max; /**< INCIDENTS_OPEN_MAX; tests lower it */
	uint64_t number_last;
	int64_t due_ms;                /**< incident_tick() has nothing to do before */
	struct number_map by_key;      /**< key: the latest incident that has it */
	struct number_map open_counts; /**< category: open incidents of it */
	struct pointer_map members; /**< struct incident_member by its id: an alert is one of one */
	struct incident_usage usage;
};

/* incident.c */
struct incident *incident_make(struct incident_store *store, const struct alert *alert,
			       const char *key, int64_t now_ms);
/** Nothing fires (in the policy's sense) and nothing runs: it moves on by itself. */
void incident_settle(struct incident_store *store, struct incident *incident, int64_t now_ms);

/* incident_change.c */
/** Every change ends here: revision, one timeline record, the row; the caller emits its event
 *  last, because the callee may change the incident again. */
void incident_record(struct incident_store *store, struct incident *incident, const char *kind,
		     const char *actor, const char *text, int64_t now_ms);
/** The same for facts, which a full timeline leaves out. */
void incident_record_fact(struct incident_store *store, struct incident *incident, const char *kind,
			  const char *actor, const char *text, int64_t now_ms);
void incident_emit(struct incident_store *store, const struct incident *incident,
		   const char *event);
/** The state with its times and counts; no record. */
void incident_become(struct incident_store *store, struct incident *incident, int state,
		     int64_t now_ms);
void text_set(char **field, const char *text); /**< NULL: none */

/* incident_merge.c */
/** What a merged incident was merged into in the end; otherwise itself. */
struct incident *merge_end(const struct incident_store *store, struct incident *incident);
void incident_merge(struct incident_store *store, struct incident *incident,
		    struct incident *target, const char *actor, const char *reason, int64_t now_ms);
/** The open incident at a category above that has taken in siblings, or a new one when this alert
 *  makes them enough; NULL: it stands alone. */
struct incident *sibling_target(struct incident_store *store, const struct alert *alert,
				bool *is_new, int64_t now_ms);
/** Once the new one has its alert and was told of: the siblings are merged into it. */
void siblings_take_in(struct incident_store *store, struct incident *target, int64_t now_ms);

/* incident_priority.c */
uint8_t severity_rank(const char *severity);
/** Once it is in the store: what fires asks for so much. */
void priority_note_demand(const struct incident_store *store, struct incident *incident);
/** Impact and urgency as what fires asks for, but for those that a person has set. */
void priority_ask(const struct incident_store *store, struct incident *incident);
/** What fires may ask for more: raises impact, urgency and priority. Returns whether priority rose.
 */
bool priority_rise(const struct incident_store *store, struct incident *incident);
/** Returns whether the priority is to be recorded as lower. */
bool priority_fall(const struct incident_store *store, struct incident *incident);
void priority_from_table(const struct incident_store *store, struct incident *incident);
int64_t priority_due_ms(const struct incident_store *store, const struct incident *incident);

/* incident_names.c */
/** Index of the name, which is added when there is room; `max` when there is none. */
uint32_t names_put(struct incident_names *names, struct slice name, uint32_t max);
void names_deinit(struct incident_names *names);
/** The merchant of an alert, by the member field; false: none. Owned text. */
char *alert_merchant(const struct incident_store *store, const struct alert *alert);
void names_put_service(struct incident_names *names, const char *labels_json);

/* incident_store.c */
struct incident *store_find(const struct incident_store *store, uint64_t number);
void store_add(struct incident_store *store, struct incident *incident);
/** Drops the oldest ended incidents beyond `closed_max` from memory. */
void store_trim(struct incident_store *store, uint32_t closed_max);
void store_save(struct incident_store *store, const struct incident *incident);
/** One more is open, or (-1) one less. */
void store_count_open(struct incident_store *store, const struct incident *incident, int change);
void incident_free(struct incident *incident);

/* incident_member.c */
/** Of an incident that is not in the store yet. */
void member_add(struct incident *incident, struct slice id, bool is_firing);
void members_free(struct incident *incident);
/** Their incident is in the store now; their rows are not yet. */
void members_enter(struct incident_store *store, struct incident *incident);
/** The one with this id, firing or not; or NULL. */
struct incident_member *member_find(const struct incident_store *store, const char *id);
/** The alert fires, and belongs to this incident from here on. Past the limit the one that resolved
 *  first makes room; when all fire, this one is only counted. */
void member_join(struct incident_store *store, struct incident *incident, const char *id,
		 uint8_t severity, uint8_t merchant);
/** It fires with another severity. */
void member_change(struct incident_store *store, struct incident_member *member, uint8_t severity);
/** It no longer fires; it stays one that joined. */
void member_calm(struct incident_store *store, struct incident_member *member);
/** It belongs to no incident. */
void member_drop(struct incident_store *store, struct incident_member *member);
void members_drop(struct incident_store *store, struct incident *incident);
int members_load(struct incident_store *store, struct err_note *why);

/* timeline.c */
void timeline_add(struct incident_store *store, struct incident *incident, const char *kind,
		  const char *actor, const char *text, bool is_fact, int64_t now_ms);

/* incident_json.c */
/** What is stored: without the list of alerts that fire, which have rows of their own. */
void incident_append_row(const struct incident *incident, struct bytes *out);
int incident_from_json(struct incident **out, struct slice text, struct err_note *why);
/** Also puts what changed since the last record, and takes note that it is recorded. */
void timeline_append_json(struct incident *incident, uint32_t sequence, const char *kind,
			  const char *actor, const char *text, int64_t now_ms, struct bytes *out);
/** The timeline has all of the row as it is now. */
void incident_see(struct incident *incident);
bool incident_is_utf8(struct slice text);
/** {"merchantId": "m1"} of an alert's dimension, owned text. */
char *incident_dimension_json(const struct alert *alert);

/* incident_key.c */
/** "rule|merchantId=m1": one alert among those of an incident. Owned text. */
char *incident_firing_id(const struct alert *alert);

#endif
