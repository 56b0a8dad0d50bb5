/* Allowed moves (row: state, column: move). tests/unit/core/incident/test_incident.c walks this
 * table.
 *
 *              ack       work      calm       resolve   fire
 *  OPEN        ACKED     HANDLING  MITIGATED  RESOLVED  OPEN
 *  ACKED       -         HANDLING  MITIGATED  RESOLVED  ACKED
 *  HANDLING    HANDLING  HANDLING  MITIGATED  RESOLVED  HANDLING
 *  MITIGATED   -         MITIGATED RESOLVED   RESOLVED  OPEN
 *  RESOLVED    -         RESOLVED  -          -         OPEN (within the reopen window)
 *
 *  ack in HANDLING is for the first reader only; a second one is refused by incident_ack().
 */
#include "core/incident/incident_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/model/alert.h"
#include "storage/commit.h"

#define OVERFLOW_KEY "overflow"
#define SELF         "engine"

int incident_next_state(enum incident_state state, enum incident_move move)
{
	enum { NO = INCIDENT_REFUSED };
	static const int table[INCIDENT_STATES][INCIDENT_MOVES] = {
		[INCIDENT_OPEN] = {INCIDENT_ACKED, INCIDENT_HANDLING, INCIDENT_MITIGATED,
				   INCIDENT_RESOLVED, INCIDENT_OPEN},
		[INCIDENT_ACKED] = {NO, INCIDENT_HANDLING, INCIDENT_MITIGATED, INCIDENT_RESOLVED,
				    INCIDENT_ACKED},
		[INCIDENT_HANDLING] = {INCIDENT_HANDLING, INCIDENT_HANDLING, INCIDENT_MITIGATED,
				       INCIDENT_RESOLVED, INCIDENT_HANDLING},
		[INCIDENT_MITIGATED] = {NO, INCIDENT_MITIGATED, INCIDENT_RESOLVED,
					INCIDENT_RESOLVED, INCIDENT_OPEN},
		[INCIDENT_RESOLVED] = {NO, INCIDENT_RESOLVED, NO, NO, INCIDENT_OPEN},
	};
	return table[state][move];
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

static void emit(struct incident_store *store, const struct incident *incident, const char *event)
{
	if (store->options.on_event)
		store->options.on_event(store->options.arg, incident, event);
}

/* Every change ends here: revision, one timeline record, the row; the caller emits its event last,
 * because the callee may change the incident again. */
static void record_change(struct incident_store *store, struct incident *incident, const char *kind,
			  const char *actor, const char *text, int64_t now_ms)
{
	incident->revision++;
	timeline_add(store, incident, kind, actor, text, now_ms);
	store_save(store, incident);
}

static void become_resolved(struct incident_store *store, struct incident *incident,
			    const char *actor, const char *reason, int64_t now_ms)
{
	members_drop(store, incident);
	incident->state = INCIDENT_RESOLVED;
	incident->resolved_ms = now_ms;
	if (incident->mitigated_ms == 0)
		incident->mitigated_ms = now_ms;
	store_count_open(store, incident, -1);
	store->usage.resolved_count++;
	record_change(store, incident, "resolved", actor, reason, now_ms);
	emit(store, incident, "resolved");
}

static bool is_calm(const struct incident *incident)
{
	return incident->firing_count == 0 && incident->active_runs == 0;
}

/* Nothing fires and nothing runs: two moves, with the events between them free to bring it back. */
static void settle(struct incident_store *store, struct incident *incident, int64_t now_ms)
{
	if (!is_calm(incident))
		return;
	int next = incident_next_state(incident->state, INCIDENT_MOVE_CALM);
	if (next == INCIDENT_MITIGATED) {
		incident->state = INCIDENT_MITIGATED;
		incident->mitigated_ms = now_ms;
		record_change(store, incident, "mitigated", SELF,
			      "all its alerts have resolved and no plan runs", now_ms);
		emit(store, incident, "mitigated");
		if (!is_calm(incident))
			return;
		next = incident_next_state(incident->state, INCIDENT_MOVE_CALM);
	}
	if (next == INCIDENT_RESOLVED && incident->state == INCIDENT_MITIGATED)
		become_resolved(store, incident, SELF, "resolved by itself after it was mitigated",
				now_ms);
}

/* ---- alerts ---- */

static struct incident *make_incident(struct incident_store *store, const struct alert *alert,
				      const char *key, bool is_overflow, int64_t now_ms)
{
	struct incident *incident = mem_alloc(sizeof(*incident));
	incident->number = store->number_last + 1;
	incident->key = mem_copy_text(key);
	incident->title = mem_copy_text(is_overflow    ? "Overflow: too many open incidents"
					: alert->title ? alert->title
						       : alert->rule);
	incident->rule = mem_copy_text(is_overflow ? OVERFLOW_KEY : alert->rule);
	incident->severity = mem_copy_text(alert->severity ? alert->severity : "");
	incident->category = is_overflow ? NULL : mem_copy_text(alert->category);
	incident->labels_json =
		mem_copy_text(alert->labels_json && !is_overflow ? alert->labels_json : "{}");
	incident->dimension_json =
		is_overflow ? mem_copy_text("{}") : incident_dimension_json(alert);
	incident->state = INCIDENT_OPEN;
	incident->impact_start_ms = alert->window_start_ms > 0 ? alert->window_start_ms : now_ms;
	incident->opened_ms = now_ms;
	store_add(store, incident);
	store->usage.opened_count++;
	return incident;
}

/* Returns whether the incident may take another alert of its key. */
static bool can_join(const struct incident_store *store, const struct incident *incident,
		     int64_t now_ms)
{
	return incident->state != INCIDENT_RESOLVED ||
	       now_ms - incident->resolved_ms <= store->options.reopen_window_ms;
}

static void reopen(struct incident_store *store, struct incident *incident)
{
	if (incident->state == INCIDENT_RESOLVED)
		store_count_open(store, incident, 1);
	incident->state = INCIDENT_OPEN;
	incident->reopen_count++;
	incident->mitigated_ms = 0;
	incident->resolved_ms = 0;
	mem_free(incident->owner);
	incident->owner = NULL;
}

/* Severity rises by itself; it never falls while the incident lives. */
static void raise_severity(struct incident *incident, const char *severity)
{
	static const char *const ranks[] = {"info", "warning", "critical"};
	int now = -1, then = -1;
	for (int i = 0; i < 3; i++) {
		if (severity && strcmp(ranks[i], severity) == 0)
			now = i;
		if (strcmp(ranks[i], incident->severity) == 0)
			then = i;
	}
	if (now <= then)
		return;
	mem_free(incident->severity);
	incident->severity = mem_copy_text(severity);
}

static struct incident *find_or_make(struct incident_store *store, const struct alert *alert,
				     const char *key, bool *is_new, int64_t now_ms)
{
	struct incident *incident = store_find(store, number_map_find(&store->by_key, key));
	bool is_overflow = false;
	*is_new = false;
	if (incident && can_join(store, incident, now_ms) &&
	    (incident->state != INCIDENT_RESOLVED || store->open_count < store->open_max))
		return incident;
	store_trim(store, INCIDENTS_CLOSED_MAX);
	if (store->open_count >= store->open_max) {
		is_overflow = true;
		store->usage.overflow_count++;
		incident = store_find(store, number_map_find(&store->by_key, OVERFLOW_KEY));
		if (incident && incident->state != INCIDENT_RESOLVED)
			return incident;
		log_warn(INCIDENT,
			 "%u incidents are open: further alerts join the overflow incident",
			 store->open_count);
	}
	*is_new = true;
	return make_incident(store, alert, is_overflow ? OVERFLOW_KEY : key, is_overflow, now_ms);
}

static const struct incident *on_firing(struct incident_store *store, const struct alert *alert,
					const char *key, const char *id, int64_t now_ms)
{
	bool is_new;
	struct incident *incident = find_or_make(store, alert, key, &is_new, now_ms);
	struct incident_member *member = member_find(store, id);
	bool is_firing = member && member->is_firing;
	bool is_repeat = is_firing && member->incident == incident;
	struct incident *former = is_firing && !is_repeat ? member->incident : NULL;
	if (former) {
		member_drop(store, member);
		record_change(store, former, "moved", SELF, id, now_ms);
	}
	if (!is_repeat)
		member_join(store, incident, id);
	incident->alert_count++;
	if (alert->message) {
		mem_free(incident->message);
		incident->message = mem_copy_text(alert->message);
	}
	raise_severity(incident, alert->severity);
	const char *event = is_new ? "opened" : "joined";
	if (!is_new &&
	    incident_next_state(incident->state, INCIDENT_MOVE_FIRE) != (int)incident->state) {
		reopen(store, incident);
		event = "reopened";
	}
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "alert %s", id);
	if (alert->message)
		bytes_append_format(&text, ": %s", alert->message);
	record_change(store, incident, event, SELF, text.data, now_ms);
	bytes_deinit(&text);
	if (!is_repeat || strcmp(event, "joined") != 0)
		emit(store, incident, event);
	if (former)
		settle(store, former, now_ms);
	return incident;
}

static const struct incident *on_resolved(struct incident_store *store, const struct alert *alert,
					  const char *id, int64_t now_ms)
{
	struct incident_member *member = member_find(store, id);
	if (!member || !member->is_firing)
		return NULL;
	struct incident *incident = member->incident;
	member_calm(store, member);
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "alert %s: %s", id,
			    alert->reason ? alert->reason : "condition false");
	record_change(store, incident, "alert_resolved", SELF, text.data, now_ms);
	bytes_deinit(&text);
	settle(store, incident, now_ms);
	return incident;
}

const struct incident *incident_on_alert(struct incident_store *store, const struct alert *alert,
					 const char *key, int64_t now_ms)
{
	const struct incident *incident = NULL;
	char *id = incident_firing_id(alert);
	switch (alert->state) {
	case ALERT_NODATA: /* silence is something to look at, as a value is */
	case ALERT_FIRING: incident = on_firing(store, alert, key, id, now_ms); break;
	case ALERT_RESOLVED: incident = on_resolved(store, alert, id, now_ms); break;
	}
	mem_free(id);
	return incident;
}

const struct incident *incident_on_muted_alert(struct incident_store *store,
					       const struct alert *alert, const char *key,
					       const char *text, int64_t now_ms)
{
	struct incident *incident = store_find(store, number_map_find(&store->by_key, key));
	if (!incident || incident->state == INCIDENT_RESOLVED)
		return NULL;
	char *id = incident_firing_id(alert);
	struct bytes line = BYTES_EMPTY;
	bytes_append_format(&line, "alert %s: %s", id, text);
	timeline_add(store, incident, "muted", SELF, line.data, now_ms);
	store_save(store, incident);
	bytes_deinit(&line);
	mem_free(id);
	return incident;
}

/* ---- commands ---- */

static int check_command(struct incident_store *store, uint64_t number, uint64_t revision,
			 enum incident_move move, struct incident **out, struct err_note *why)
{
	struct incident *incident = store_find(store, number);
	if (!incident)
		return err_set(why, ERR_NOT_FOUND, "there is no incident %llu",
			       (unsigned long long)number);
	const char *state = incident_state_name(incident->state);
	if (revision != 0 && revision != incident->revision)
		return err_set(why, ERR_CONFLICT,
			       "incident %llu changed: it is %s at revision %llu, not %llu",
			       (unsigned long long)number, state,
			       (unsigned long long)incident->revision,
			       (unsigned long long)revision);
	if (incident_next_state(incident->state, move) == INCIDENT_REFUSED)
		return err_set(why, ERR_CONFLICT, "incident %llu is %s at revision %llu: no %s",
			       (unsigned long long)number, state,
			       (unsigned long long)incident->revision,
			       move == INCIDENT_MOVE_ACK ? "acknowledgement" : "resolving");
	*out = incident;
	return 0;
}

int incident_ack(struct incident_store *store, uint64_t number, uint64_t revision,
		 const char *actor, const char *reason, int64_t now_ms, struct err_note *why)
{
	struct incident *incident;
	int code = check_command(store, number, revision, INCIDENT_MOVE_ACK, &incident, why);
	if (code != 0)
		return code;
	if (incident->owner)
		return err_set(why, ERR_CONFLICT,
			       "incident %llu was acknowledged by %s already (%s, revision %llu)",
			       (unsigned long long)number, incident->owner,
			       incident_state_name(incident->state),
			       (unsigned long long)incident->revision);
	incident->state =
		(enum incident_state)incident_next_state(incident->state, INCIDENT_MOVE_ACK);
	incident->owner = mem_copy_text(actor ? actor : "unknown");
	if (incident->acked_ms == 0)
		incident->acked_ms = now_ms;
	record_change(store, incident, "acked", actor, reason, now_ms);
	emit(store, incident, "acked");
	commit_kick(store->options.commit);
	return 0;
}

int incident_resolve(struct incident_store *store, uint64_t number, uint64_t revision,
		     const char *actor, const char *reason, int64_t now_ms, struct err_note *why)
{
	struct incident *incident;
	int code = check_command(store, number, revision, INCIDENT_MOVE_RESOLVE, &incident, why);
	if (code != 0)
		return code;
	become_resolved(store, incident, actor, reason, now_ms);
	commit_kick(store->options.commit);
	return 0;
}

/* ---- plan runs ---- */

void incident_run_started(struct incident_store *store, uint64_t number, const char *plan,
			  const char *run_id, int64_t now_ms)
{
	struct incident *incident = store_find(store, number);
	if (!incident)
		return;
	int next = incident_next_state(incident->state, INCIDENT_MOVE_WORK);
	bool is_moved = next != (int)incident->state;
	incident->active_runs++;
	incident->state = (enum incident_state)next;
	if (incident->first_plan_ms == 0)
		incident->first_plan_ms = now_ms;
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "plan %s started, run %s", plan, run_id);
	record_change(store, incident, "run_started", SELF, text.data, now_ms);
	bytes_deinit(&text);
	if (is_moved)
		emit(store, incident, "handling");
}

void incident_run_ended(struct incident_store *store, uint64_t number, const char *plan,
			const char *run_id, const char *outcome, int64_t now_ms)
{
	struct incident *incident = store_find(store, number);
	if (!incident)
		return;
	if (incident->active_runs > 0)
		incident->active_runs--;
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "plan %s ended, run %s: %s", plan, run_id, outcome);
	record_change(store, incident, "run_ended", SELF, text.data, now_ms);
	bytes_deinit(&text);
	settle(store, incident, now_ms);
}

void incident_note(struct incident_store *store, uint64_t number, const char *kind,
		   const char *actor, const char *text, int64_t now_ms)
{
	struct incident *incident = store_find(store, number);
	if (!incident)
		return;
	timeline_add(store, incident, kind, actor, text, now_ms);
	store_save(store, incident);
}
