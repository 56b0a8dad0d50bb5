#include "core/incident/incident_command.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/incident/incident_edit.h"
#include "core/incident/incident_internal.h"
#include "storage/commit.h"

static bool is_empty(const char *text)
{
	return !text || text[0] == '\0';
}

int command_find(struct incident_store *store, const struct incident_command *command,
		 struct incident **out, struct err_note *why)
{
	struct incident *incident = store_find(store, command->number);
	if (!incident)
		return err_set(why, ERR_NOT_FOUND, "there is no incident %llu",
			       (unsigned long long)command->number);
	if (command->revision != 0 && command->revision != incident->revision)
		return err_set(why, ERR_CONFLICT,
			       "incident %llu changed: it is %s at revision %llu, not %llu",
			       (unsigned long long)command->number,
			       incident_state_name(incident->state),
			       (unsigned long long)incident->revision,
			       (unsigned long long)command->revision);
	*out = incident;
	return 0;
}

/* ---- moves ---- */

static int check_target(struct incident_store *store, const struct incident *incident,
			uint64_t number, struct incident **out, struct err_note *why)
{
	struct incident *target = store_find(store, number);
	if (!target)
		return err_set(why, ERR_NOT_FOUND, "there is no incident %llu to merge into",
			       (unsigned long long)number);
	if (target == incident)
		return err_set(why, ERR_INVALID, "an incident cannot be merged into itself");
	if (!incident_is_open(target->state) || target->state == INCIDENT_CANDIDATE)
		return err_set(why, ERR_CONFLICT,
			       "incident %llu is %s at revision %llu: only an open one takes in "
			       "others",
			       (unsigned long long)number, incident_state_name(target->state),
			       (unsigned long long)target->revision);
	*out = target;
	return 0;
}

static int check_move(const struct incident *incident, enum incident_move move,
		      const struct incident_command *command, struct err_note *why)
{
	const struct incident_move_row *row = incident_move_row(move);
	const char *state = incident_state_name(incident->state);
	unsigned long long number = incident->number, revision = incident->revision;
	if (!((unsigned)row->who &
	      (unsigned)(command->is_engine ? INCIDENT_WHO_E : INCIDENT_WHO_P)))
		return err_set(why, ERR_CONFLICT,
			       "incident %llu is %s at revision %llu: %s is not for %s", number,
			       state, revision, row->name,
			       command->is_engine ? "the engine" : "people");
	if (row->next[incident->state] == INCIDENT_REFUSED)
		return err_set(why, ERR_CONFLICT, "incident %llu is %s at revision %llu: no %s",
			       number, state, revision, row->name);
	if (move == INCIDENT_MOVE_ACK && incident->acked_by)
		return err_set(why, ERR_CONFLICT,
			       "incident %llu was acknowledged by %s already (%s, revision %llu)",
			       number, incident->acked_by, state, revision);
	if (row->need == INCIDENT_NEED_REASON && is_empty(command->reason))
		return err_set(why, ERR_INVALID, "%s needs a reason", row->name);
	return 0;
}

static void take(struct incident *incident, const struct incident_command *command)
{
	const char *actor = command->actor ? command->actor : "unknown";
	if (!incident->acked_by) {
		text_set(&incident->acked_by, actor);
		incident->acked_last_ms = command->now_ms;
		if (incident->acked_ms == 0)
			incident->acked_ms = command->now_ms;
	}
	if (!incident->owner)
		text_set(&incident->owner, actor);
}

/** What a move does besides the state and its times. */
static void do_more(struct incident *incident, enum incident_move move,
		    const struct incident_command *command)
{
	if (move == INCIDENT_MOVE_ACK || (move == INCIDENT_MOVE_HANDLE && !command->is_engine))
		take(incident, command);
	if (move == INCIDENT_MOVE_UNACK)
		text_set(&incident->owner, NULL);
}

/** The event of the state that was reached; of those that have another, their own. */
static const char *event_of(enum incident_move move, enum incident_state next)
{
	static const char *const events[INCIDENT_STATES] = {"candidate", "opened",    "acked",
							    "handling",  "mitigated", "resolved",
							    "closed",    "cancelled", "merged"};
	if (move == INCIDENT_MOVE_ACK)
		return "acked";
	if (move == INCIDENT_MOVE_UNACK)
		return "unacked";
	return move == INCIDENT_MOVE_REOPEN ? "reopened" : events[next];
}

static void apply(struct incident_store *store, struct incident *incident, enum incident_move move,
		  const struct incident_command *command)
{
	int next = incident_move_row(move)->next[incident->state];
	const char *event = event_of(move, (enum incident_state)next);
	incident_become(store, incident, next, command->now_ms);
	do_more(incident, move, command);
	incident_record(store, incident, event, command->actor, command->reason, command->now_ms);
	incident_emit(store, incident, event);
	if (move == INCIDENT_MOVE_APPROVE)
		incident_settle(store, incident, command->now_ms);
}

int incident_do(struct incident_store *store, enum incident_move move,
		const struct incident_command *command, struct err_note *why)
{
	struct incident *incident = NULL, *target = NULL;
	int code = command_find(store, command, &incident, why);
	if (code == 0)
		code = check_move(incident, move, command, why);
	if (code == 0 && (move == INCIDENT_MOVE_FIRE || move == INCIDENT_MOVE_WORK ||
			  move == INCIDENT_MOVE_CALM))
		code = err_set(why, ERR_INVALID, "%s is no command: it happens",
			       incident_move_row(move)->name);
	if (code == 0 && move == INCIDENT_MOVE_MERGE)
		code = check_target(store, incident, command->target, &target, why);
	if (code != 0)
		return code;
	if (target)
		incident_merge(store, incident, target, command->actor, command->reason,
			       command->now_ms);
	else
		apply(store, incident, move, command);
	commit_kick(store->options.commit);
	return 0;
}

int incident_ack(struct incident_store *store, uint64_t number, uint64_t revision,
		 const char *actor, const char *reason, int64_t now_ms, struct err_note *why)
{
	struct incident_command command = {.number = number,
					   .revision = revision,
					   .actor = actor,
					   .reason = reason,
					   .now_ms = now_ms};
	return incident_do(store, INCIDENT_MOVE_ACK, &command, why);
}

int incident_resolve(struct incident_store *store, uint64_t number, uint64_t revision,
		     const char *actor, const char *reason, int64_t now_ms, struct err_note *why)
{
	struct incident_command command = {.number = number,
					   .revision = revision,
					   .actor = actor,
					   .reason = reason,
					   .now_ms = now_ms};
	return incident_do(store, INCIDENT_MOVE_RESOLVE, &command, why);
}

/* ---- plan runs ---- */

void incident_run_started(struct incident_store *store, uint64_t number, const char *plan,
			  const char *run_id, int64_t now_ms)
{
	struct incident *incident = merge_end(store, store_find(store, number));
	if (!incident)
		return;
	int next = incident_move_row(INCIDENT_MOVE_WORK)->next[incident->state];
	bool is_moved = next != (int)incident->state;
	incident->active_runs++;
	incident_become(store, incident, next, now_ms);
	if (incident->first_plan_ms == 0)
		incident->first_plan_ms = now_ms;
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "plan %s started, run %s", plan, run_id);
	incident_record(store, incident, "run_started", INCIDENT_SELF, text.data, now_ms);
	bytes_deinit(&text);
	if (is_moved)
		incident_emit(store, incident, "handling");
}

void incident_run_ended(struct incident_store *store, uint64_t number, const char *plan,
			const char *run_id, const char *outcome, int64_t now_ms)
{
	struct incident *incident = merge_end(store, store_find(store, number));
	if (!incident)
		return;
	if (incident->active_runs > 0)
		incident->active_runs--;
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "plan %s ended, run %s: %s", plan, run_id, outcome);
	incident_record(store, incident, "run_ended", INCIDENT_SELF, text.data, now_ms);
	bytes_deinit(&text);
	incident_settle(store, incident, now_ms);
}

void incident_note(struct incident_store *store, uint64_t number, const char *kind,
		   const char *actor, const char *text, int64_t now_ms)
{
	struct incident *incident = store_find(store, number);
	if (!incident)
		return;
	timeline_add(store, incident, kind, actor, text, true, now_ms);
	store_save(store, incident);
}
