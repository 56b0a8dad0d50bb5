#include "core/incident/incident_internal.h"

#include "core/base/mem.h"

/** When time does something to it next; INT64_MAX: never. */
static int64_t state_due_ms(const struct incident_store *store, const struct incident *incident)
{
	const struct incident_settings *settings = &store->settings;
	int64_t due_ms = INT64_MAX;
	switch (incident->state) {
	case INCIDENT_CANDIDATE: return incident->detected_ms + settings->approve_within_ms;
	case INCIDENT_ACKED:
		if (settings->ack_timeout_ms > 0)
			due_ms = incident->acked_last_ms + settings->ack_timeout_ms;
		/* who is snoozed has until then */
		return due_ms < incident->snoozed_until_ms ? incident->snoozed_until_ms : due_ms;
	case INCIDENT_RESOLVED:
		if (settings->close_after_ms > 0 && incident->active_runs == 0)
			due_ms = incident->resolved_ms + settings->close_after_ms;
		return due_ms;
	case INCIDENT_OPEN:
	case INCIDENT_HANDLING:
	case INCIDENT_MITIGATED:
	case INCIDENT_CLOSED:
	case INCIDENT_CANCELLED:
	case INCIDENT_MERGED: break;
	}
	return due_ms;
}

static void move(struct incident_store *store, struct incident *incident, enum incident_move move,
		 const char *event, const char *text, int64_t now_ms)
{
	int next = incident_move_row(move)->next[incident->state];
	if (next == INCIDENT_REFUSED)
		return;
	incident_become(store, incident, next, now_ms);
	incident_record(store, incident, event, INCIDENT_SELF, text, now_ms);
	incident_emit(store, incident, event);
}

static void on_state_due(struct incident_store *store, struct incident *incident, int64_t now_ms)
{
	if (incident->state == INCIDENT_CANDIDATE)
		move(store, incident, INCIDENT_MOVE_EXPIRE, "cancelled",
		     "nobody approved it in time", now_ms);
	else if (incident->state == INCIDENT_ACKED)
		move(store, incident, INCIDENT_MOVE_ACK_TIMEOUT, "ack_timeout",
		     "acknowledged, but nobody has handled it in time", now_ms);
	else if (incident->state == INCIDENT_RESOLVED)
		move(store, incident, INCIDENT_MOVE_CLOSE, "closed", "resolved for long enough",
		     now_ms);
}

static void fall(struct incident_store *store, struct incident *incident, int64_t now_ms)
{
	uint32_t before = incident->priority;
	if (!priority_fall(store, incident))
		return;
	char *text = mem_format("P%u, was P%u: what fires has asked for less since the cool-down "
				"began",
				incident->priority, before);
	incident_record(store, incident, "lowered", INCIDENT_SELF, text, now_ms);
	mem_free(text);
	if (incident->priority > before)
		incident_emit(store, incident, "lowered");
}

static void wake(struct incident_store *store, struct incident *incident, int64_t now_ms)
{
	incident->snoozed_until_ms = 0;
	incident_record(store, incident, "unsnoozed", INCIDENT_SELF, "its time is over", now_ms);
	incident_emit(store, incident, "unsnoozed");
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t due_of(const struct incident_store *store, const struct incident *incident)
{
	int64_t due_ms = state_due_ms(store, incident);
	if (incident->snoozed_until_ms > 0)
		due_ms = least(due_ms, incident->snoozed_until_ms);
	return least(due_ms, priority_due_ms(store, incident));
}

void incident_tick(struct incident_store *store, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;
	if (now_ms < store->due_ms)
		return;
	store->due_ms = INT64_MAX;
	for (uint32_t i = 0; i < store->count; i++) {
		struct incident *incident = store->incidents[i];
		if (incident->snoozed_until_ms > 0 && incident->snoozed_until_ms <= now_ms)
			wake(store, incident, now_ms);
		if (priority_due_ms(store, incident) <= now_ms)
			fall(store, incident, now_ms);
		if (state_due_ms(store, incident) <= now_ms)
			on_state_due(store, incident, now_ms);
		due_ms = least(due_ms, due_of(store, incident));
	}
	/* What changed meanwhile, also by the callee of an event, has put 0 there. */
	store->due_ms = least(store->due_ms, due_ms);
}
