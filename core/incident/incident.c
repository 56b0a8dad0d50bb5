/* What alerts do: they open incidents, join them, and bring them to their end. */
#include "core/incident/incident_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"

#define OVERFLOW_KEY "overflow"

/* ---- the end that comes by itself ---- */

static bool has_ended(const struct incident_store *store, const struct incident *incident)
{
	if (incident->active_runs > 0)
		return false;
	switch (store->settings.resolve) {
	case INCIDENT_RESOLVE_FIRST:
		return incident->firing_count == 0 || incident->calm.first != NULL;
	case INCIDENT_RESOLVE_LAST:
		return incident->firing_count == 0 ||
		       (incident->newest && !incident->newest->is_firing);
	case INCIDENT_RESOLVE_ALL:
	case INCIDENT_RESOLVE_NEVER: break;
	}
	return incident->firing_count == 0;
}

static void resolve_by_itself(struct incident_store *store, struct incident *incident,
			      int64_t now_ms)
{
	incident_become(store, incident, INCIDENT_RESOLVED, now_ms);
	incident_record(store, incident, "resolved", INCIDENT_SELF,
			"resolved by itself after it was mitigated", now_ms);
	incident_emit(store, incident, "resolved");
}

/* Two moves, with the events between them free to bring it back. */
void incident_settle(struct incident_store *store, struct incident *incident, int64_t now_ms)
{
	static const char *const texts[] = {
		[INCIDENT_RESOLVE_ALL] = "all its alerts have resolved and no plan runs",
		[INCIDENT_RESOLVE_FIRST] = "one of its alerts has resolved and no plan runs",
		[INCIDENT_RESOLVE_LAST] = "its last alert has resolved and no plan runs",
		[INCIDENT_RESOLVE_NEVER] = "all its alerts have resolved and no plan runs",
	};
	const int *next = incident_move_row(INCIDENT_MOVE_CALM)->next;
	if (!has_ended(store, incident))
		return;
	if (next[incident->state] == INCIDENT_MITIGATED) {
		incident_become(store, incident, INCIDENT_MITIGATED, now_ms);
		incident_record(store, incident, "mitigated", INCIDENT_SELF,
				texts[store->settings.resolve], now_ms);
		incident_emit(store, incident, "mitigated");
		if (!has_ended(store, incident))
			return;
	}
	if (next[incident->state] == INCIDENT_RESOLVED &&
	    store->settings.resolve != INCIDENT_RESOLVE_NEVER)
		resolve_by_itself(store, incident, now_ms);
}

/* ---- a new one ---- */

static bool needs_approval(const struct incident_store *store, const struct alert *alert)
{
	const struct incident_settings *settings = &store->settings;
	bool is_named = settings->approves_all || alert->needs_approval;
	for (uint32_t i = 0; i < settings->approve_count; i++)
		is_named = is_named || strcmp(settings->approves[i], alert->rule) == 0;
	return is_named;
}

struct incident *incident_make(struct incident_store *store, const struct alert *alert,
			       const char *key, int64_t now_ms)
{
	struct incident *incident = mem_alloc(sizeof(*incident));
	incident->number = store->number_last + 1;
	incident->key = mem_copy_text(key);
	incident->title = mem_copy_text(alert->title ? alert->title : alert->rule);
	incident->rule = mem_copy_text(alert->rule);
	incident->severity = mem_copy_text(alert->severity ? alert->severity : "");
	incident->category = mem_copy_text(alert->category);
	incident->labels_json = mem_copy_text(alert->labels_json ? alert->labels_json : "{}");
	incident->dimension_json = incident_dimension_json(alert);
	incident->state = INCIDENT_OPEN;
	incident->is_drill = alert->is_drill;
	incident->impact = INCIDENT_LEVELS;
	incident->urgency = INCIDENT_LEVELS;
	incident->demand.impact = INCIDENT_LEVELS + 1;
	incident->demand.urgency = INCIDENT_LEVELS + 1;
	priority_from_table(store, incident);
	incident->impact_start_ms = alert->window_start_ms > 0 ? alert->window_start_ms : now_ms;
	if (incident->impact_start_ms > now_ms)
		incident->impact_start_ms = now_ms;
	incident->detected_ms = now_ms;
	incident->opened_ms = now_ms;
	incident->opened_last_ms = now_ms;
	incident->asked_ms = now_ms;
	store_add(store, incident);
	store->usage.opened_count++;
	return incident;
}

static struct incident *make_overflow(struct incident_store *store, const struct alert *alert,
				      bool *is_new, int64_t now_ms)
{
	struct incident *incident =
		store_find(store, number_map_find(&store->by_key, OVERFLOW_KEY));
	store->usage.overflow_count++;
	*is_new = false;
	if (incident && incident_is_open(incident->state))
		return incident;
	log_warn(INCIDENT, "%u incidents are open: further alerts join the overflow incident",
		 store->open_count);
	struct alert all = *alert;
	all.title = "Overflow: too many open incidents";
	all.category = NULL;
	all.is_drill = false;
	all.labels_json = "{}";
	all.by_count = 0;
	incident = incident_make(store, &all, OVERFLOW_KEY, now_ms);
	text_set(&incident->rule, OVERFLOW_KEY);
	*is_new = true;
	return incident;
}

/* ---- which one an alert belongs to ---- */

static bool is_recent(const struct incident_store *store, int64_t ended_ms, int64_t now_ms)
{
	return now_ms - ended_ms <= store->settings.reopen_window_ms;
}

/* Returns whether the incident may take another alert of its key. */
static bool can_join(const struct incident_store *store, const struct incident *incident,
		     int64_t now_ms)
{
	if (incident_is_open(incident->state))
		return true;
	return incident->state == INCIDENT_RESOLVED && store->open_count < store->open_max &&
	       is_recent(store, incident->resolved_ms, now_ms);
}

/** Cancelled a short while ago: what fires is what somebody has judged already. */
static bool is_judged(const struct incident_store *store, const struct incident *incident,
		      int64_t now_ms)
{
	return incident && incident->state == INCIDENT_CANCELLED &&
	       is_recent(store, incident->closed_ms, now_ms);
}

static struct incident *find_or_make(struct incident_store *store, const struct alert *alert,
				     const char *key, bool *is_new, int64_t now_ms)
{
	struct incident *former =
		merge_end(store, store_find(store, number_map_find(&store->by_key, key)));
	uint64_t recurrence_of =
		former && (former->state == INCIDENT_RESOLVED || former->state == INCIDENT_CLOSED)
			? former->number
			: 0;
	*is_new = false;
	if (former && can_join(store, former, now_ms))
		return former;
	if (is_judged(store, former, now_ms))
		return former;
	store_trim(store, INCIDENTS_CLOSED_MAX);
	if (store->open_count >= store->open_max)
		return make_overflow(store, alert, is_new, now_ms);
	bool is_candidate = !alert->is_drill && needs_approval(store, alert);
	bool is_apart = is_candidate || alert->is_drill;
	struct incident *incident = is_apart ? NULL : sibling_target(store, alert, is_new, now_ms);
	if (incident)
		return incident;
	*is_new = true;
	incident = incident_make(store, alert, key, now_ms);
	incident->recurrence_of = recurrence_of;
	if (is_candidate)
		incident->state = INCIDENT_CANDIDATE;
	return incident;
}

/* ---- what fires ---- */

/* Severity rises by itself; it never falls while the incident lives. */
static void raise_severity(struct incident *incident, const char *severity)
{
	bool is_known = incident->severity[0] != '\0';
	if (!severity || (is_known && severity_rank(severity) <= severity_rank(incident->severity)))
		return;
	text_set(&incident->severity, severity);
}

static void join(struct incident_store *store, struct incident *incident, const struct alert *alert,
		 const char *id, bool is_repeat, int64_t now_ms)
{
	uint8_t severity = severity_rank(alert->severity), merchant = 0;
	struct incident_member *member = is_repeat ? member_find(store, id) : NULL;
	if (member && member->severity == severity)
		return;
	incident->asked_ms = now_ms;
	if (member) {
		member_change(store, member, severity);
		return;
	}
	char *name = alert_merchant(store, alert);
	if (name && name[0] != '\0')
		merchant = (uint8_t)(names_put(&incident->merchants, slice_of(name),
					       INCIDENT_NAMES_MAX) +
				     1);
	mem_free(name);
	names_put_service(&incident->services, alert->labels_json);
	member_join(store, incident, id, severity, merchant);
}

static const char *fire(struct incident_store *store, struct incident *incident, bool is_new,
			int64_t now_ms)
{
	int next = incident_move_row(INCIDENT_MOVE_FIRE)->next[incident->state];
	if (is_new)
		return incident->state == INCIDENT_CANDIDATE ? "candidate" : "opened";
	if (next == (int)incident->state)
		return "joined";
	incident_become(store, incident, next, now_ms);
	return "reopened";
}

/** Revision and record; `former` has lost the alert to this incident. */
static void record_fire(struct incident_store *store, struct incident *incident, const char *event,
			const char *id, const char *message, int64_t now_ms)
{
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "alert %s", id);
	if (message)
		bytes_append_format(&text, ": %s", message);
	if (strcmp(event, "joined") == 0)
		incident_record_fact(store, incident, event, INCIDENT_SELF, text.data, now_ms);
	else
		incident_record(store, incident, event, INCIDENT_SELF, text.data, now_ms);
	bytes_deinit(&text);
}

static const struct incident *ignore(struct incident_store *store, struct incident *incident,
				     const char *id, int64_t now_ms)
{
	char *text = mem_format("alert %s fires: nothing is opened for what was cancelled a short "
				"while ago",
				id);
	timeline_add(store, incident, "ignored", INCIDENT_SELF, text, true, now_ms);
	store_save(store, incident);
	mem_free(text);
	return NULL;
}

static struct incident *leave_former(struct incident_store *store, const struct incident *incident,
				     const char *id, int64_t now_ms)
{
	struct incident_member *member = member_find(store, id);
	if (!member || !member->is_firing || member->incident == incident)
		return NULL;
	struct incident *former = member->incident;
	member_drop(store, member);
	former->asked_ms = now_ms;
	incident_record_fact(store, former, "moved", INCIDENT_SELF, id, now_ms);
	return former;
}

static const struct incident *on_firing(struct incident_store *store, const struct alert *alert,
					const char *key, const char *id, int64_t now_ms)
{
	bool is_new;
	struct incident *incident = find_or_make(store, alert, key, &is_new, now_ms);
	if (incident->state == INCIDENT_CANCELLED)
		return ignore(store, incident, id, now_ms);
	struct incident *former = leave_former(store, incident, id, now_ms);
	struct incident_member *member = member_find(store, id);
	bool is_repeat = member && member->is_firing;
	const char *event = fire(store, incident, is_new, now_ms);
	join(store, incident, alert, id, is_repeat, now_ms);
	incident->alert_count++;
	if (alert->message)
		text_set(&incident->message, alert->message);
	raise_severity(incident, alert->severity);
	bool is_higher = priority_rise(store, incident) && !is_new;
	record_fire(store, incident, event, id, alert->message, now_ms);
	if (!is_repeat || strcmp(event, "joined") != 0)
		incident_emit(store, incident, event);
	if (is_higher)
		incident_emit(store, incident, "raised");
	if (is_new && strcmp(incident->rule, "siblings") == 0)
		siblings_take_in(store, incident, now_ms);
	if (former)
		incident_settle(store, former, now_ms);
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
	incident->asked_ms = now_ms;
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "alert %s: %s", id,
			    alert->reason ? alert->reason : "condition false");
	incident_record_fact(store, incident, "alert_resolved", INCIDENT_SELF, text.data, now_ms);
	bytes_deinit(&text);
	incident_settle(store, incident, now_ms);
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
	struct incident *incident =
		merge_end(store, store_find(store, number_map_find(&store->by_key, key)));
	if (!incident || !incident_is_open(incident->state))
		return NULL;
	char *id = incident_firing_id(alert);
	struct bytes line = BYTES_EMPTY;
	bytes_append_format(&line, "alert %s: %s", id, text);
	timeline_add(store, incident, "muted", INCIDENT_SELF, line.data, true, now_ms);
	store_save(store, incident);
	bytes_deinit(&line);
	mem_free(id);
	return incident;
}
