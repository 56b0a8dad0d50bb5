#include "core/incident/incident_command.h"

#include "incident_world.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"

/* The drawing of plans.md, by hand: "STATE move STATE"; every other pair is refused. */
static const char *const drawn[] = {
	"CANDIDATE approve OPEN",     "CANDIDATE reject CANCELLED",
	"CANDIDATE expire CANCELLED", "CANDIDATE work CANDIDATE",
	"CANDIDATE fire CANDIDATE",   "OPEN ack ACKED",
	"OPEN handle HANDLING",       "OPEN work HANDLING",
	"OPEN calm MITIGATED",        "OPEN mitigate MITIGATED",
	"OPEN resolve RESOLVED",      "OPEN cancel CANCELLED",
	"OPEN merge MERGED",          "OPEN fire OPEN",
	"ACKED unack OPEN",           "ACKED ack_timeout OPEN",
	"ACKED handle HANDLING",      "ACKED work HANDLING",
	"ACKED calm MITIGATED",       "ACKED mitigate MITIGATED",
	"ACKED resolve RESOLVED",     "ACKED cancel CANCELLED",
	"ACKED merge MERGED",         "ACKED fire ACKED",
	"HANDLING ack HANDLING",      "HANDLING work HANDLING",
	"HANDLING calm MITIGATED",    "HANDLING mitigate MITIGATED",
	"HANDLING resolve RESOLVED",  "HANDLING cancel CANCELLED",
	"HANDLING merge MERGED",      "HANDLING fire HANDLING",
	"MITIGATED work MITIGATED",   "MITIGATED calm RESOLVED",
	"MITIGATED resolve RESOLVED", "MITIGATED merge MERGED",
	"MITIGATED fire OPEN",        "MITIGATED reopen OPEN",
	"RESOLVED work RESOLVED",     "RESOLVED close CLOSED",
	"RESOLVED fire OPEN",         "RESOLVED reopen OPEN",
	"CLOSED work CLOSED",         "CANCELLED work CANCELLED",
	"MERGED work MERGED",
};
enum { DRAWN = sizeof(drawn) / sizeof(drawn[0]) };

const char *find_drawn(const char *state, const char *move)
{
	char begin[64];
	int length = snprintf(begin, sizeof(begin), "%s %s ", state, move);
	for (int i = 0; i < DRAWN; i++) {
		if (strncmp(drawn[i], begin, (size_t)length) == 0)
			return drawn[i] + length;
	}
	return NULL;
}

Test(incident_move, every_pair_is_as_drawn)
{
	int found = 0;
	for (int move = 0; move < INCIDENT_MOVES; move++) {
		const struct incident_move_row *row = incident_move_row((enum incident_move)move);
		for (int state = 0; state < INCIDENT_STATES; state++) {
			const char *from = incident_state_name((enum incident_state)state);
			const char *to = find_drawn(from, row->name);
			cr_expect_eq(to == NULL, row->next[state] == INCIDENT_REFUSED, "%s %s",
				     from, row->name);
			if (!to || row->next[state] == INCIDENT_REFUSED)
				continue;
			found++;
			cr_expect_str_eq(incident_state_name((enum incident_state)row->next[state]),
					 to, "%s %s", from, row->name);
		}
	}
	cr_expect_eq(found, DRAWN);
}

Test(incident_move, people_and_the_engine_have_their_own)
{
	static const char *const of_people = " approve reject ack unack handle mitigate resolve "
					     "close cancel merge reopen ";
	static const char *const of_engine = " expire ack_timeout work calm mitigate resolve close "
					     "merge fire ";
	static const char *const with_reason = " reject cancel reopen ";
	for (int move = 0; move < INCIDENT_MOVES; move++) {
		const struct incident_move_row *row = incident_move_row((enum incident_move)move);
		char word[32];
		snprintf(word, sizeof(word), " %s ", row->name);
		cr_expect_eq((row->who & INCIDENT_WHO_P) != 0, strstr(of_people, word) != NULL,
			     "%s", word);
		cr_expect_eq((row->who & INCIDENT_WHO_E) != 0, strstr(of_engine, word) != NULL,
			     "%s", word);
		cr_expect_eq(row->need == INCIDENT_NEED_REASON, strstr(with_reason, word) != NULL,
			     "%s", word);
		cr_expect_eq(row->need == INCIDENT_NEED_TARGET, strcmp(row->name, "merge") == 0);
	}
}

Test(incident_move, names_are_read_back)
{
	enum incident_move move;
	struct err_note why = {{0}};
	cr_expect_eq(incident_move_parse("cancel", &move, &why), 0);
	cr_expect_eq(move, INCIDENT_MOVE_CANCEL);
	cr_expect_eq(incident_move_parse("sleep", &move, &why), ERR_NOT_FOUND);
	cr_expect_str_eq(why.text, "there is no command \"sleep\"; allowed: approve, reject, ack, "
				   "unack, handle, mitigate, resolve, close, cancel, merge, "
				   "reopen");
}
