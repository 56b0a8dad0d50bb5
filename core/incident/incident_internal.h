/** incident_internal.h - what the files of core/incident share; also for its tests. */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_INTERNAL_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/pointer_map.h"
#include "core/incident/incident.h"
#include "core/incident/number_map.h"

/** What can happen to an incident. FIRE: an alert of its key fires. WORK: a plan run starts. CALM:
 *  no alert fires and no run is active. */
enum incident_move {
	INCIDENT_MOVE_ACK,
	INCIDENT_MOVE_WORK,
	INCIDENT_MOVE_CALM,
	INCIDENT_MOVE_RESOLVE,
	INCIDENT_MOVE_FIRE,
};

enum { INCIDENT_STATES = 5, INCIDENT_MOVES = 5, INCIDENT_REFUSED = -1 };

/** The state after the move, or INCIDENT_REFUSED. */
int incident_next_state(enum incident_state state, enum incident_move move);

/** An alert that joined an incident, from then until the incident is resolved. */
struct incident_member {
	struct incident *incident;
	char *id; /**< "rule|merchantId=m1" */
	bool is_firing;
	struct incident_member *next, *previous; /**< of those that fire, or of the others */
};

struct incident_store {
	struct incident_options options;
	struct incident **incidents; /**< by rising number; pointers stay while the array moves */
	uint32_t count;
	uint32_t capacity;
	uint32_t open_count;
	uint32_t open_max; /**< INCIDENTS_OPEN_MAX; tests lower it */
	uint64_t number_last;
	struct number_map by_key;      /**< key: the latest incident that has it */
	struct number_map open_counts; /**< category: open incidents of it */
	struct pointer_map members; /**< struct incident_member by its id: an alert is one of one */
	struct incident_usage usage;
};

/* incident_store.c */
struct incident *store_find(const struct incident_store *store, uint64_t number);
void store_add(struct incident_store *store, struct incident *incident);
/** Drops the oldest resolved incidents beyond `closed_max` from memory. */
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
void member_join(struct incident_store *store, struct incident *incident, const char *id);
/** It no longer fires; it stays one that joined. */
void member_calm(struct incident_store *store, struct incident_member *member);
/** It belongs to no incident. */
void member_drop(struct incident_store *store, struct incident_member *member);
void members_drop(struct incident_store *store, struct incident *incident);
int members_load(struct incident_store *store, struct err_note *why);

/* timeline.c */
void timeline_add(struct incident_store *store, struct incident *incident, const char *kind,
		  const char *actor, const char *text, int64_t now_ms);

/* incident_json.c */
/** What is stored: without the list of alerts that fire, which have rows of their own. */
void incident_append_row(const struct incident *incident, struct bytes *out);
int incident_from_json(struct incident **out, struct slice text, struct err_note *why);
void timeline_append_json(const struct incident *incident, uint32_t sequence, const char *kind,
			  const char *actor, const char *text, int64_t now_ms, struct bytes *out);
bool incident_is_utf8(struct slice text);
/** {"merchantId": "m1"} of an alert's dimension, owned text. */
char *incident_dimension_json(const struct alert *alert);

/* incident_key.c */
/** "rule|merchantId=m1": one alert among those of an incident. Owned text. */
char *incident_firing_id(const struct alert *alert);

#endif
