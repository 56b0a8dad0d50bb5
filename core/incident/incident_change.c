#include "core/incident/incident_internal.h"

#include "core/base/mem.h"

void text_set(char **field, const char *text)
{
	char *copy = mem_copy_text(text);
	mem_free(*field);
	*field = copy;
}

void incident_emit(struct incident_store *store, const struct incident *incident, const char *event)
{
	if (store->options.on_event)
		store->options.on_event(store->options.arg, incident, event);
}

static void record(struct incident_store *store, struct incident *incident, const char *kind,
		   const char *actor, const char *text, bool is_fact, int64_t now_ms)
{
	incident->revision++;
	store->due_ms = 0;
	timeline_add(store, incident, kind, actor, text, is_fact, now_ms);
	store_save(store, incident);
}

void incident_record(struct incident_store *store, struct incident *incident, const char *kind,
		     const char *actor, const char *text, int64_t now_ms)
{
	record(store, incident, kind, actor, text, false, now_ms);
}

void incident_record_fact(struct incident_store *store, struct incident *incident, const char *kind,
			  const char *actor, const char *text, int64_t now_ms)
{
	record(store, incident, kind, actor, text, true, now_ms);
}

static void set_first(int64_t *field, int64_t now_ms)
{
	if (*field == 0)
		*field = now_ms;
}

static void enter_open(struct incident *incident, int64_t now_ms)
{
	if (incident->state == INCIDENT_CANDIDATE)
		incident->opened_ms = now_ms;
	text_set(&incident->acked_by, NULL);
	if (incident->state == INCIDENT_ACKED)
		return;
	incident->opened_last_ms = now_ms;
	if (incident->state == INCIDENT_CANDIDATE)
		return;
	incident->reopen_count++;
	incident->mitigated_ms = 0;
	incident->resolved_ms = 0;
	text_set(&incident->owner, NULL);
}

static void set_times(struct incident *incident, enum incident_state next, int64_t now_ms)
{
	switch (next) {
	case INCIDENT_OPEN: enter_open(incident, now_ms); break;
	case INCIDENT_RESOLVED:
		incident->resolved_ms = now_ms;
		set_first(&incident->resolved_first_ms, now_ms);
		set_first(&incident->mitigated_ms, now_ms);
		set_first(&incident->mitigated_first_ms, now_ms);
		break;
	case INCIDENT_MITIGATED:
		incident->mitigated_ms = now_ms;
		set_first(&incident->mitigated_first_ms, now_ms);
		break;
	case INCIDENT_CLOSED:
	case INCIDENT_CANCELLED:
	case INCIDENT_MERGED: incident->closed_ms = now_ms; break;
	case INCIDENT_CANDIDATE:
	case INCIDENT_ACKED:
	case INCIDENT_HANDLING: break;
	}
}

void incident_become(struct incident_store *store, struct incident *incident, int state,
		     int64_t now_ms)
{
	enum incident_state next = (enum incident_state)state;
	bool was_open = incident_is_open(incident->state);
	if (next == incident->state)
		return;
	set_times(incident, next, now_ms);
	incident->state = next;
	if (was_open && !incident_is_open(next)) {
		members_drop(store, incident);
		store_count_open(store, incident, -1);
		incident->snoozed_until_ms = 0;
	} else if (!was_open && incident_is_open(next)) {
		store_count_open(store, incident, 1);
	}
	if (next == INCIDENT_RESOLVED)
		store->usage.resolved_count++;
}
