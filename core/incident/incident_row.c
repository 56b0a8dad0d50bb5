/* The row: one table of members says how each is stored, shown, told apart from what the timeline
 * has, and read back. Rows of earlier builds lack members: they get defaults, see fill_missing().
 */
#include "core/incident/incident_internal.h"

#include <jansson.h>

#include <stddef.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/incident/incident_text.h"

enum field_kind {
	FIELD_WIDE,
	FIELD_NARROW,
	FIELD_FLAG,
	FIELD_PRIORITY, /* "P1"; null for 0 */
	FIELD_TEXT,
	FIELD_NAMES,
	FIELD_OBJECT, /* JSON text */
};

struct field {
	const char *name;
	size_t offset;
	enum field_kind kind;
	bool is_required; /* every build has written it */
};

#define FIELD(member, kind, is_required)                                                           \
	{                                                                                          \
#member, offsetof(struct incident, member), FIELD_##kind, is_required              \
	}
#define NAMED(name, member, kind, is_required)                                                     \
	{                                                                                          \
		name, offsetof(struct incident, member), FIELD_##kind, is_required                 \
	}
static const struct field fields[] = {
	FIELD(number, WIDE, true),
	FIELD(reopen_count, NARROW, true),
	FIELD(comment_count, NARROW, false),
	FIELD(active_runs, NARROW, true),
	FIELD(alert_count, WIDE, true),
	FIELD(opened_ms, WIDE, true),
	FIELD(opened_last_ms, WIDE, false),
	FIELD(impact_start_ms, WIDE, true),
	FIELD(detected_ms, WIDE, false),
	FIELD(first_notified_ms, WIDE, false),
	FIELD(acked_ms, WIDE, true),
	FIELD(acked_last_ms, WIDE, false),
	FIELD(first_plan_ms, WIDE, true),
	FIELD(mitigated_ms, WIDE, true),
	FIELD(mitigated_first_ms, WIDE, false),
	FIELD(resolved_ms, WIDE, true),
	FIELD(resolved_first_ms, WIDE, false),
	FIELD(closed_ms, WIDE, false),
	FIELD(snoozed_until_ms, WIDE, false),
	FIELD(asked_ms, WIDE, false),
	FIELD(impact, NARROW, false),
	FIELD(urgency, NARROW, false),
	FIELD(priority, PRIORITY, false),
	FIELD(forced_priority, PRIORITY, false),
	NAMED("hand_impact", has_hand_impact, FLAG, false),
	NAMED("hand_urgency", has_hand_urgency, FLAG, false),
	NAMED("major", is_major, FLAG, false),
	NAMED("drill", is_drill, FLAG, false),
	FIELD(parent, WIDE, false),
	FIELD(merged_into, WIDE, false),
	FIELD(recurrence_of, WIDE, false),
	FIELD(key, TEXT, true),
	FIELD(title, TEXT, true),
	FIELD(rule, TEXT, true),
	FIELD(severity, TEXT, true),
	FIELD(category, TEXT, false),
	FIELD(message, TEXT, false),
	FIELD(owner, TEXT, false),
	FIELD(acked_by, TEXT, false),
	FIELD(commander, TEXT, false),
	FIELD(scribe, TEXT, false),
	FIELD(liaison, TEXT, false),
	FIELD(comms, TEXT, false),
	FIELD(merchants, NAMES, false),
	FIELD(services, NAMES, false),
	NAMED("labels", labels_json, OBJECT, true),
	NAMED("dimension", dimension_json, OBJECT, true),
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

/** What the timeline has of each member: the number, or a hash. */
struct incident_seen {
	uint64_t prints[FIELDS];
};

static void *at(const struct incident *incident, const struct field *field)
{
	return (char *)(uintptr_t)incident + field->offset;
}

/* ---- to JSON ---- */

static json_t *names_json(const struct incident_names *names)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < names->count; i++)
		json_array_append_new(list, incident_text_json(names->names[i]));
	return list;
}

static json_t *priority_json(uint32_t priority)
{
	return priority == 0 ? json_null() : json_sprintf("P%u", priority);
}

static json_t *field_json(const struct incident *incident, const struct field *field)
{
	const void *value = at(incident, field);
	switch (field->kind) {
	case FIELD_WIDE: return json_integer(*(const int64_t *)value);
	case FIELD_NARROW: return json_integer(*(const uint32_t *)value);
	case FIELD_FLAG: return json_boolean(*(const bool *)value);
	case FIELD_PRIORITY: return priority_json(*(const uint32_t *)value);
	case FIELD_TEXT: return incident_text_json(*(const char *const *)value);
	case FIELD_NAMES: return names_json(value);
	case FIELD_OBJECT: return incident_object_json(*(const char *const *)value);
	}
	return json_null();
}

/** Nothing there: the row leaves it out, and reads it back as such. */
static bool is_nothing(const struct incident *incident, const struct field *field)
{
	const void *value = at(incident, field);
	switch (field->kind) {
	case FIELD_WIDE: return *(const int64_t *)value == 0;
	case FIELD_NARROW:
	case FIELD_PRIORITY: return *(const uint32_t *)value == 0;
	case FIELD_FLAG: return !*(const bool *)value;
	case FIELD_TEXT:
	case FIELD_OBJECT: return *(const char *const *)value == NULL;
	case FIELD_NAMES: return ((const struct incident_names *)value)->count == 0;
	}
	return false;
}

static json_t *to_json(const struct incident *incident, bool is_row)
{
	json_t *json = json_object();
	json_object_set_new(json, "row", json_integer(INCIDENT_ROW_VERSION));
	json_object_set_new(json, "revision", json_integer((json_int_t)incident->revision));
	json_object_set_new(json, "timeline_count", json_integer(incident->timeline_count));
	json_object_set_new(json, "state", json_string(incident_state_name(incident->state)));
	for (size_t i = 0; i < FIELDS; i++) {
		if (!is_row || fields[i].is_required || !is_nothing(incident, &fields[i]))
			json_object_set_new(json, fields[i].name, field_json(incident, &fields[i]));
	}
	return json;
}

void incident_append_row(const struct incident *incident, struct bytes *out)
{
	incident_dump(to_json(incident, true), out);
}

static json_t *to_shown_json(const struct incident *incident)
{
	json_t *json = to_json(incident, false);
	json_object_set_new(json, "firing_count", json_integer(incident->firing_count));
	json_object_del(json, "row");
	json_object_del(json, "asked_ms");
	return json;
}

void incident_append_summary(const struct incident *incident, struct bytes *out)
{
	incident_dump(to_shown_json(incident), out);
}

void incident_append_json(const struct incident *incident, struct bytes *out)
{
	const struct incident_member *member = incident->firing.first;
	json_t *json = to_shown_json(incident), *firing = json_array();
	for (; member; member = member->next)
		json_array_append_new(firing, incident_text_json(member->id));
	json_object_set_new(json, "firing", firing);
	incident_dump(json, out);
}

/* ---- what changed since the last record ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	if (!text)
		return hash ^ 1;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t field_print(const struct incident *incident, const struct field *field)
{
	const uint64_t begin = UINT64_C(0xcbf29ce484222325);
	const void *value = at(incident, field);
	const struct incident_names *names = value;
	uint64_t print = begin;
	switch (field->kind) {
	case FIELD_WIDE: return *(const uint64_t *)value;
	case FIELD_NARROW:
	case FIELD_PRIORITY: return *(const uint32_t *)value;
	case FIELD_FLAG: return *(const bool *)value;
	case FIELD_TEXT:
	case FIELD_OBJECT: return hash_text(begin, *(const char *const *)value);
	case FIELD_NAMES:
		for (uint32_t i = 0; i < names->count; i++)
			print = hash_text(print, names->names[i]);
		return print;
	}
	return 0;
}

void incident_see(struct incident *incident)
{
	if (!incident->seen)
		incident->seen = mem_alloc(sizeof(*incident->seen));
	for (size_t i = 0; i < FIELDS; i++)
		incident->seen->prints[i] = field_print(incident, &fields[i]);
}

json_t *incident_take_changes(struct incident *incident)
{
	json_t *set = json_object();
	bool is_first = incident->seen == NULL;
	if (is_first)
		incident->seen = mem_alloc(sizeof(*incident->seen));
	for (size_t i = 0; i < FIELDS; i++) {
		uint64_t print = field_print(incident, &fields[i]);
		bool is_new = incident->timeline_count <= 1 && !fields[i].is_required &&
			      is_nothing(incident, &fields[i]);
		if (is_first ? !is_new : print != incident->seen->prints[i])
			json_object_set_new(set, fields[i].name, field_json(incident, &fields[i]));
		incident->seen->prints[i] = print;
	}
	return set;
}

/* ---- from JSON ---- */

static int state_parse(const char *text)
{
	for (int state = 0; text && state < INCIDENT_STATES; state++) {
		if (strcmp(text, incident_state_name((enum incident_state)state)) == 0)
			return state;
	}
	return -1;
}

static bool fill_number(void *out, const json_t *value, bool is_wide)
{
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0 || (!is_wide && number > UINT32_MAX))
		return false;
	if (is_wide)
		*(int64_t *)out = number;
	else
		*(uint32_t *)out = (uint32_t)number;
	return true;
}

static bool fill_priority(uint32_t *out, const json_t *value)
{
	const char *text = json_string_value(value);
	*out = 0;
	if (json_is_null(value))
		return true;
	if (!text || text[0] != 'P' || text[1] < '1' || text[1] > '5' || text[2] != '\0')
		return false;
	*out = (uint32_t)(text[1] - '0');
	return true;
}

static bool fill_names(struct incident_names *names, const json_t *list)
{
	size_t index;
	const json_t *name;
	if (!json_is_array(list) || json_array_size(list) > INCIDENT_NAMES_MAX)
		return false;
	json_array_foreach(list, index, name)
	{
		if (!json_is_string(name))
			return false;
		names_put(names, slice_of(json_string_value(name)), INCIDENT_NAMES_MAX);
	}
	return true;
}

static bool fill_object(char **out, json_t *object)
{
	struct bytes text = BYTES_EMPTY;
	if (!json_is_object(object))
		return false;
	incident_dump(json_incref(object), &text);
	*out = bytes_take_text(&text);
	return true;
}

static bool fill(struct incident *incident, const struct field *field, json_t *value)
{
	void *out = at(incident, field);
	if (!value && !field->is_required)
		return true;
	switch (field->kind) {
	case FIELD_WIDE: return fill_number(out, value, true);
	case FIELD_NARROW: return fill_number(out, value, false);
	case FIELD_FLAG: *(bool *)out = json_is_true(value); return json_is_boolean(value);
	case FIELD_PRIORITY: return fill_priority(out, value);
	case FIELD_TEXT:
		*(char **)out = mem_copy_text(json_string_value(value));
		return json_is_string(value) || (!field->is_required && json_is_null(value));
	case FIELD_NAMES: return fill_names(out, value);
	case FIELD_OBJECT: return fill_object(out, value);
	}
	return false;
}

/** Rows of before had their alerts in a list. */
static bool fill_firing(struct incident *incident, const json_t *list)
{
	size_t index;
	const json_t *id;

	json_array_foreach(list, index, id)
	{
		if (!json_is_string(id) || index >= INCIDENT_ALERTS_MAX)
			return false;
		member_add(incident, slice_of(json_string_value(id)), true);
	}
	return true;
}

/** Rows of the first build: what it did not have follows from what it had. */
static void fill_missing(struct incident *incident)
{
	static const uint32_t urgencies[INCIDENT_SEVERITIES] = {3, 2, 1};
	static const uint32_t priorities[INCIDENT_SEVERITIES] = {5, 4, 3};
	uint8_t rank = severity_rank(incident->severity);
	if (incident->detected_ms == 0)
		incident->detected_ms = incident->opened_ms;
	if (incident->opened_last_ms == 0)
		incident->opened_last_ms = incident->opened_ms;
	incident->impact = incident->impact == 0 ? INCIDENT_LEVELS : incident->impact;
	incident->urgency = incident->urgency == 0 ? urgencies[rank] : incident->urgency;
	incident->priority = incident->priority == 0 ? priorities[rank] : incident->priority;
	incident->acked_last_ms = incident->acked_ms;
	incident->mitigated_first_ms = incident->mitigated_ms;
	incident->resolved_first_ms = incident->resolved_ms;
	incident->asked_ms = incident->opened_ms;
	text_set(&incident->acked_by, incident->owner);
}

static bool is_level(uint32_t number)
{
	return number >= 1 && number <= INCIDENT_LEVELS;
}

static bool fill_all(struct incident *incident, json_t *json)
{
	int state = state_parse(json_string_value(json_object_get(json, "state")));
	json_int_t version = json_integer_value(json_object_get(json, "row"));
	bool is_good = state >= 0 && version <= INCIDENT_ROW_VERSION &&
		       fill_number(&incident->revision, json_object_get(json, "revision"), true) &&
		       fill_number(&incident->timeline_count,
				   json_object_get(json, "timeline_count"), false);
	for (size_t i = 0; is_good && i < FIELDS; i++)
		is_good = fill(incident, &fields[i], json_object_get(json, fields[i].name));
	is_good = is_good && fill_firing(incident, json_object_get(json, "firing"));
	if (!is_good)
		return false;
	incident->state = (enum incident_state)state;
	if (version < INCIDENT_ROW_VERSION)
		fill_missing(incident);
	else if (incident->timeline_count < INCIDENT_TIMELINE_MAX)
		incident_see(incident);
	return is_level(incident->impact) && is_level(incident->urgency) && incident->priority > 0;
}

int incident_from_json(struct incident **out, struct slice text, struct err_note *why)
{
	json_error_t error;
	json_t *json = json_loadb(text.data, text.length, 0, &error);
	if (!json)
		return err_set(why, ERR_CORRUPT, "a stored incident is not JSON: %s", error.text);
	struct incident *incident = mem_alloc(sizeof(*incident));
	bool is_good = fill_all(incident, json);
	json_decref(json);
	if (!is_good) {
		incident_free(incident);
		return err_set(why, ERR_CORRUPT, "a stored incident has missing or wrong fields");
	}
	*out = incident;
	return 0;
}
