/** incident_command.h - what people, plans and time do to an incident.
 *
 *  Every command carries the revision it saw (0: whatever it is), an actor and a reason. A stale
 *  revision or a move that is not drawn is ERR_CONFLICT with the current state and revision in the
 *  note, and changes nothing; a missing reason or a wrong value is ERR_INVALID.
 *  Each kicks the commit.
 */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_COMMAND_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/incident/incident.h"

/** Name, who may (P a person, E the engine and plans), what it needs besides. */
#define INCIDENT_MOVE_LIST(X)                                                                      \
	X(APPROVE, "approve", P, NOTHING)                                                          \
	X(REJECT, "reject", P, REASON)                                                             \
	X(EXPIRE, "expire", E, NOTHING)                                                            \
	X(ACK, "ack", P, NOTHING)                                                                  \
	X(UNACK, "unack", P, NOTHING)                                                              \
	X(ACK_TIMEOUT, "ack_timeout", E, NOTHING)                                                  \
	X(HANDLE, "handle", P, NOTHING)                                                            \
	X(WORK, "work", E, NOTHING)                                                                \
	X(CALM, "calm", E, NOTHING)                                                                \
	X(MITIGATE, "mitigate", PE, NOTHING)                                                       \
	X(RESOLVE, "resolve", PE, NOTHING)                                                         \
	X(CLOSE, "close", PE, NOTHING)                                                             \
	X(CANCEL, "cancel", P, REASON)                                                             \
	X(MERGE, "merge", PE, TARGET)                                                              \
	X(FIRE, "fire", E, NOTHING)                                                                \
	X(REOPEN, "reopen", P, REASON)
enum incident_move {
#define INCIDENT_ENUM(name, text, who, need) INCIDENT_MOVE_##name,
	INCIDENT_MOVE_LIST(INCIDENT_ENUM)
#undef INCIDENT_ENUM
		INCIDENT_MOVES
};

enum { INCIDENT_STATES = INCIDENT_MERGED + 1, INCIDENT_REFUSED = -1 };
enum incident_who { INCIDENT_WHO_P = 1, INCIDENT_WHO_E = 2, INCIDENT_WHO_PE = 3 };
enum incident_need { INCIDENT_NEED_NOTHING, INCIDENT_NEED_REASON, INCIDENT_NEED_TARGET };

struct incident_move_row {
	const char *name;
	enum incident_who who;
	enum incident_need need;
	const int *next; /**< by state: the state after it, or INCIDENT_REFUSED */
};
const struct incident_move_row *incident_move_row(enum incident_move move);
/** By name; ERR_NOT_FOUND names those that people may give. */
int incident_move_parse(const char *name, enum incident_move *out, struct err_note *why);

struct incident_command {
	uint64_t number;
	uint64_t revision; /**< 0: not checked */
	const char *actor;
	const char *reason;
	bool is_engine;  /**< a plan or the engine, not a person */
	uint64_t target; /**< of a merge */
	int64_t now_ms;
};
int incident_do(struct incident_store *store, enum incident_move move,
		const struct incident_command *command, struct err_note *why);

int incident_ack(struct incident_store *store, uint64_t number, uint64_t revision,
		 const char *actor, const char *reason, int64_t now_ms, struct err_note *why);
int incident_resolve(struct incident_store *store, uint64_t number, uint64_t revision,
		     const char *actor, const char *reason, int64_t now_ms, struct err_note *why);

/** Sets one field: priority (P1..P5 or auto), impact, urgency (1..4 or auto), title, category,
 *  owner, commander, scribe, liaison, comms ("-": nobody), parent (number or 0), major, drill (yes
 *  or no). Times: impact_start, detected, opened, acked, mitigated, resolved, closed: RFC 3339,
 *  between their neighbours and not in the future, with a reason; the timeline keeps what was.
 *  ERR_INVALID says what is allowed. */
int incident_set(struct incident_store *store, const struct incident_command *command,
		 const char *field, const char *value, struct err_note *why);
int incident_comment(struct incident_store *store, const struct incident_command *command,
		     const char *text, struct err_note *why);
/** Nobody is told until then; 0 ends it. */
int incident_snooze(struct incident_store *store, const struct incident_command *command,
		    int64_t until_ms, struct err_note *why);
/** The priority is forced `steps` higher, at most to P1; what a chain does. */
int incident_raise(struct incident_store *store, const struct incident_command *command,
		   uint32_t steps, struct err_note *why);
/** Somebody was told for the first time. Later calls change nothing. */
void incident_notified(struct incident_store *store, uint64_t number, int64_t now_ms);

/** Plan runs report in; a starting run moves OPEN or ACKED to HANDLING, the last ending one may
 *  mitigate. */
void incident_run_started(struct incident_store *store, uint64_t number, const char *plan,
			  const char *run_id, int64_t now_ms);
void incident_run_ended(struct incident_store *store, uint64_t number, const char *plan,
			const char *run_id, const char *outcome, int64_t now_ms);
/** A fact on the timeline (plan step, message sent); does not change the state. */
void incident_note(struct incident_store *store, uint64_t number, const char *kind,
		   const char *actor, const char *text, int64_t now_ms);

#endif
