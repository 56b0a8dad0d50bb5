/* Who is asked how much: incident_settings.h has the rule in words. `demand` of an incident counts
 * the alerts that fire, so that a question costs nothing however many there are. */
#include "core/incident/incident_internal.h"

#include <string.h>

#include "core/base/mem.h"

enum { INFO, WARNING, CRITICAL };

uint8_t severity_rank(const char *severity)
{
	if (severity && strcmp(severity, "critical") == 0)
		return CRITICAL;
	return severity && strcmp(severity, "warning") == 0 ? WARNING : INFO;
}

static uint32_t worst_severity(const struct incident_demand *demand)
{
	for (uint32_t rank = INCIDENT_SEVERITIES - 1; rank > 0; rank--) {
		if (demand->severities[rank] > 0)
			return rank;
	}
	return INFO;
}

static uint32_t impact_of(const struct incident_store *store, const struct incident_demand *demand)
{
	static const uint32_t of_nobody[INCIDENT_SEVERITIES] = {4, 3, 2};
	uint32_t impact = INCIDENT_LEVELS;
	for (uint32_t i = 0; i < INCIDENT_LEVELS - 1 && impact == INCIDENT_LEVELS; i++) {
		if (demand->merchant_count >= store->settings.merchants_for[i])
			impact = i + 1;
	}
	if (demand->unnamed_count > 0 && of_nobody[worst_severity(demand)] < impact)
		impact = of_nobody[worst_severity(demand)];
	return impact;
}

static uint32_t urgency_of(const struct incident_demand *demand)
{
	static const uint32_t urgencies[INCIDENT_SEVERITIES] = {3, 2, 1};
	return urgencies[worst_severity(demand)];
}

void priority_from_table(const struct incident_store *store, struct incident *incident)
{
	incident->priority =
		incident->forced_priority != 0
			? incident->forced_priority
			: store->settings.priorities[incident->impact - 1][incident->urgency - 1];
}

void priority_ask(const struct incident_store *store, struct incident *incident)
{
	if (!incident->has_hand_impact)
		incident->impact = impact_of(store, &incident->demand);
	if (!incident->has_hand_urgency)
		incident->urgency = urgency_of(&incident->demand);
}

void priority_note_demand(const struct incident_store *store, struct incident *incident)
{
	incident->demand.impact = impact_of(store, &incident->demand);
	incident->demand.urgency = urgency_of(&incident->demand);
}

/* One of the two: rises when more is asked for than before, and more than there is. */
static void rise(uint32_t *field, bool *has_hand, uint32_t *before, uint32_t now)
{
	if (now < *before && now < *field) {
		*field = now;
		*has_hand = false;
	}
	*before = now;
}

bool priority_rise(const struct incident_store *store, struct incident *incident)
{
	uint32_t before = incident->priority;
	if (incident->firing_count == 0)
		return false; /* silence asks for nothing yet: that is for the cool-down */
	rise(&incident->impact, &incident->has_hand_impact, &incident->demand.impact,
	     impact_of(store, &incident->demand));
	rise(&incident->urgency, &incident->has_hand_urgency, &incident->demand.urgency,
	     urgency_of(&incident->demand));
	if (incident->forced_priority == 0)
		priority_from_table(store, incident);
	return incident->priority < before;
}

bool priority_fall(const struct incident_store *store, struct incident *incident)
{
	uint32_t impact = impact_of(store, &incident->demand);
	uint32_t urgency = urgency_of(&incident->demand);
	bool changes = false;
	if (!incident->has_hand_impact && impact > incident->impact) {
		incident->impact = impact;
		changes = true;
	}
	if (!incident->has_hand_urgency && urgency > incident->urgency) {
		incident->urgency = urgency;
		changes = true;
	}
	if (changes)
		priority_from_table(store, incident);
	return changes;
}

int64_t priority_due_ms(const struct incident_store *store, const struct incident *incident)
{
	const struct incident_demand *demand = &incident->demand;
	if (store->settings.cool_down_ms == 0 || !incident_is_open(incident->state) ||
	    incident->firing_count == 0)
		return INT64_MAX;
	bool may_fall =
		(!incident->has_hand_impact && impact_of(store, demand) > incident->impact) ||
		(!incident->has_hand_urgency && urgency_of(demand) > incident->urgency);
	return may_fall ? incident->asked_ms + store->settings.cool_down_ms : INT64_MAX;
}
