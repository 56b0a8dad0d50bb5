/* Incidents that are one: merged by a person, or siblings that open together. */
#include "core/incident/incident_internal.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/model/alert.h"

enum { CHAIN_MAX = 64 };

struct incident *merge_end(const struct incident_store *store, struct incident *incident)
{
	for (int i = 0; incident && incident->state == INCIDENT_MERGED && i < CHAIN_MAX; i++)
		incident = store_find(store, incident->merged_into);
	return incident;
}

/** The merchant's place in the other incident's list. */
static uint8_t move_merchant(const struct incident *from, struct incident *to, uint8_t merchant)
{
	if (merchant == 0 || merchant > from->merchants.count)
		return merchant;
	return (uint8_t)(names_put(&to->merchants, slice_of(from->merchants.names[merchant - 1]),
				   INCIDENT_NAMES_MAX) +
			 1);
}

static void move_members(struct incident_store *store, struct incident *from, struct incident *to)
{
	while (from->member_count > 0) {
		struct incident_member *member =
			from->calm.first ? from->calm.first : from->firing.first;
		char *id = mem_copy_text(member->id);
		bool is_firing = member->is_firing;
		uint8_t severity = member->severity;
		uint8_t merchant = move_merchant(from, to, member->merchant);
		member_drop(store, member);
		member_join(store, to, id, severity, merchant);
		member = member_find(store, id);
		if (!is_firing && member)
			member_calm(store, member);
		mem_free(id);
	}
	for (uint32_t i = 0; i < from->merchants.count; i++)
		names_put(&to->merchants, slice_of(from->merchants.names[i]), INCIDENT_NAMES_MAX);
	for (uint32_t i = 0; i < from->services.count; i++)
		names_put(&to->services, slice_of(from->services.names[i]), INCIDENT_NAMES_MAX);
}

static void record_target(struct incident_store *store, struct incident *target,
			  const struct incident *from, const char *actor, const char *reason,
			  int64_t now_ms)
{
	char *text = mem_format("incident %llu (%s) was merged into this one%s%s",
				(unsigned long long)from->number, from->title,
				reason && reason[0] ? ": " : "", reason ? reason : "");
	bool is_higher = priority_rise(store, target);
	incident_record(store, target, "took_in", actor, text, now_ms);
	mem_free(text);
	if (is_higher)
		incident_emit(store, target, "raised");
}

void incident_merge(struct incident_store *store, struct incident *incident,
		    struct incident *target, const char *actor, const char *reason, int64_t now_ms)
{
	int next = incident_move_row(INCIDENT_MOVE_MERGE)->next[incident->state];
	move_members(store, incident, target);
	target->active_runs += incident->active_runs;
	target->alert_count += incident->alert_count;
	target->asked_ms = now_ms;
	if (incident->impact_start_ms < target->impact_start_ms)
		target->impact_start_ms = incident->impact_start_ms;
	if (incident->detected_ms < target->detected_ms)
		target->detected_ms = incident->detected_ms;
	incident->active_runs = 0;
	incident->merged_into = target->number;
	incident_become(store, incident, next, now_ms);
	char *text = mem_format("merged into incident %llu%s%s", (unsigned long long)target->number,
				reason && reason[0] ? ": " : "", reason ? reason : "");
	incident_record(store, incident, "merged", actor, text, now_ms);
	mem_free(text);
	record_target(store, target, incident, actor, reason, now_ms);
	incident_emit(store, incident, "merged");
}

/* ---- siblings ---- */

static const char *parent_of(const struct incident_store *store, const char *category)
{
	const struct incident_settings *settings = &store->settings;
	return settings->parent_of && category ? settings->parent_of(settings->arg, category)
					       : NULL;
}

static bool is_recent(const struct incident_store *store, const struct incident *incident,
		      int64_t now_ms)
{
	return incident_is_open(incident->state) && incident->state != INCIDENT_CANDIDATE &&
	       incident->category && !incident->is_drill &&
	       now_ms - incident->opened_last_ms <= store->settings.sibling_window_ms;
}

static bool is_sibling(const struct incident_store *store, const struct incident *incident,
		       const char *parent, int64_t now_ms)
{
	if (!is_recent(store, incident, now_ms))
		return false;
	const char *above = parent_of(store, incident->category);
	return above && strcmp(above, parent) == 0;
}

static bool is_named(const struct incident_names *names, const char *name)
{
	for (uint32_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i], name) == 0)
			return true;
	}
	return false;
}

/** Categories below `parent` with an open incident that began in the window, and this one. A storm
 *  has many incidents of few categories: each category is looked up once. */
static struct incident_names siblings_of(const struct incident_store *store, const char *category,
					 const char *parent, int64_t now_ms)
{
	struct incident_names names = {0}, others = {0};
	names_put(&names, slice_of(category), UINT32_MAX);
	for (uint32_t i = 0; i < store->count; i++) {
		const struct incident *one = store->incidents[i];
		if (!is_recent(store, one, now_ms) || is_named(&names, one->category) ||
		    is_named(&others, one->category))
			continue;
		bool is_below = is_sibling(store, one, parent, now_ms);
		names_put(is_below ? &names : &others, slice_of(one->category), UINT32_MAX);
	}
	names_deinit(&others);
	return names;
}

static char *sibling_title(const char *parent, const struct incident_names *names)
{
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "%u categories of %s:", names->count, parent);
	for (uint32_t i = 0; i < names->count; i++)
		bytes_append_format(&text, "%s %s", i > 0 ? "," : "", names->names[i]);
	return bytes_take_text(&text);
}

static struct incident *gather(struct incident_store *store, const struct alert *alert,
			       const char *parent, const char *key,
			       const struct incident_names *names, int64_t now_ms)
{
	struct alert above = *alert;
	char *title = sibling_title(parent, names);
	above.title = title;
	above.category = parent;
	struct incident *target = incident_make(store, &above, key, now_ms);
	text_set(&target->rule, "siblings");
	text_set(&target->dimension_json, "{}");
	mem_free(title);
	return target;
}

struct incident *sibling_target(struct incident_store *store, const struct alert *alert,
				bool *is_new, int64_t now_ms)
{
	const char *parent = parent_of(store, alert->category);
	if (store->settings.sibling_count == 0 || !parent)
		return NULL;
	char *key = mem_format("category:%s", parent);
	struct incident *target =
		merge_end(store, store_find(store, number_map_find(&store->by_key, key)));
	if (!target || !incident_is_open(target->state)) {
		struct incident_names names = siblings_of(store, alert->category, parent, now_ms);
		*is_new = names.count >= store->settings.sibling_count;
		target = *is_new ? gather(store, alert, parent, key, &names, now_ms) : NULL;
		names_deinit(&names);
	}
	mem_free(key);
	return target;
}

void siblings_take_in(struct incident_store *store, struct incident *target, int64_t now_ms)
{
	for (uint32_t i = 0; i < store->count; i++) {
		struct incident *one = store->incidents[i];
		if (one != target && is_sibling(store, one, target->category, now_ms))
			incident_merge(store, one, target, INCIDENT_SELF,
				       "several categories of one fell together", now_ms);
	}
}
