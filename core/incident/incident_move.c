/* The one table: what each move makes of each state. tests/unit/core/incident/test_incident_move.c
 * has it a second time, by hand.
 *
 *  ack in HANDLING is for the first reader only; a second one is refused by incident_do().
 *  fire in RESOLVED is within the reopen window only; later it is a new incident.
 *  work in an ended state: a run that began before reports late, nothing moves.
 */
#include "core/incident/incident_command.h"

#include <string.h>

#include "core/base/err.h"

enum {
	NO = INCIDENT_REFUSED,
	OP = INCIDENT_OPEN,
	AC = INCIDENT_ACKED,
	HA = INCIDENT_HANDLING,
	MI = INCIDENT_MITIGATED,
	RE = INCIDENT_RESOLVED,
	CL = INCIDENT_CLOSED,
	CA = INCIDENT_CANCELLED,
	ME = INCIDENT_MERGED,
	CD = INCIDENT_CANDIDATE
};

/* clang-format off */
static const int next[INCIDENT_MOVES][INCIDENT_STATES] = {
	/* CANDIDATE, OPEN, ACKED, HANDLING, MITIGATED, RESOLVED, CLOSED, CANCELLED, MERGED */
	[INCIDENT_MOVE_APPROVE]     = {OP, NO, NO, NO, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_REJECT]      = {CA, NO, NO, NO, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_EXPIRE]      = {CA, NO, NO, NO, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_ACK]         = {NO, AC, NO, HA, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_UNACK]       = {NO, NO, OP, NO, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_ACK_TIMEOUT] = {NO, NO, OP, NO, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_HANDLE]      = {NO, HA, HA, NO, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_WORK]        = {CD, HA, HA, HA, MI, RE, CL, CA, ME},
	[INCIDENT_MOVE_CALM]        = {NO, MI, MI, MI, RE, NO, NO, NO, NO},
	[INCIDENT_MOVE_MITIGATE]    = {NO, MI, MI, MI, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_RESOLVE]     = {NO, RE, RE, RE, RE, NO, NO, NO, NO},
	[INCIDENT_MOVE_CLOSE]       = {NO, NO, NO, NO, NO, CL, NO, NO, NO},
	[INCIDENT_MOVE_CANCEL]      = {NO, CA, CA, CA, NO, NO, NO, NO, NO},
	[INCIDENT_MOVE_MERGE]       = {NO, ME, ME, ME, ME, NO, NO, NO, NO},
	[INCIDENT_MOVE_FIRE]        = {CD, OP, AC, HA, OP, OP, NO, NO, NO},
	[INCIDENT_MOVE_REOPEN]      = {NO, NO, NO, NO, OP, OP, NO, NO, NO},
};
/* clang-format on */

bool incident_is_open(enum incident_state state)
{
	return state <= INCIDENT_MITIGATED;
}

bool incident_is_unanswered(const struct incident *incident)
{
	return (incident->state == INCIDENT_OPEN || incident->state == INCIDENT_HANDLING) &&
	       incident->acked_by == NULL;
}

const char *incident_state_name(enum incident_state state)
{
	switch (state) {
#define INCIDENT_CASE(name, text)                                                                  \
	case INCIDENT_##name: return text;
		INCIDENT_STATE_LIST(INCIDENT_CASE)
#undef INCIDENT_CASE
	}
	return "?";
}

const struct incident_move_row *incident_move_row(enum incident_move move)
{
	static const struct incident_move_row rows[INCIDENT_MOVES] = {
#define INCIDENT_ROW(name, text, who, need)                                                        \
	{text, INCIDENT_WHO_##who, INCIDENT_NEED_##need, next[INCIDENT_MOVE_##name]},
		INCIDENT_MOVE_LIST(INCIDENT_ROW)
#undef INCIDENT_ROW
	};
	return &rows[move];
}

int incident_move_parse(const char *name, enum incident_move *out, struct err_note *why)
{
	struct bytes known = BYTES_EMPTY;
	for (int move = 0; move < INCIDENT_MOVES; move++) {
		const struct incident_move_row *row = incident_move_row((enum incident_move)move);
		if (strcmp(row->name, name) == 0) {
			bytes_deinit(&known);
			*out = (enum incident_move)move;
			return 0;
		}
		if (row->who != INCIDENT_WHO_E)
			bytes_append_format(&known, "%s%s", known.length > 0 ? ", " : "",
					    row->name);
	}
	int code = err_set(why, ERR_NOT_FOUND, "there is no command \"%.32s\"; allowed: %s", name,
			   known.data);
	bytes_deinit(&known);
	return code;
}
