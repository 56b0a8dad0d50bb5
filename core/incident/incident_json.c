#include "core/incident/incident_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "core/model/value.h"

#include <jansson.h>

#include <stddef.h>
#include <string.h>

/* Texts come from readings and scripts, so they may not be UTF-8: such bytes become '?'. */
static json_t *text_json(const char *text, size_t length)
{
	if (!text)
		return json_null();
	json_t *json = json_stringn(text, length);
	if (json)
		return json;
	char *clean = mem_copy_bytes(text, length);
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)clean[i] >= 0x80)
			clean[i] = '?';
	}
	json = json_stringn(clean, length);
	mem_free(clean);
	return json;
}

bool incident_is_utf8(struct slice text)
{
	json_t *json = json_stringn(text.length > 0 ? text.data : "", text.length);
	json_decref(json);
	return json != NULL;
}

static json_t *c_text_json(const char *text)
{
	return text_json(text, text ? strlen(text) : 0);
}

/* Nothing else may be stored: a row that is not as incident_from_json() wants it stops the next
 * start. */
static json_t *object_json(const char *text)
{
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	if (json_is_object(json))
		return json;
	json_decref(json);
	return json_object();
}

static int append_dump(const char *data, size_t length, void *arg)
{
	struct bytes *out = arg;
	bytes_append(out, data, length);
	return 0;
}

static void dump_and_free(json_t *json, struct bytes *out)
{
	json_dump_callback(json, append_dump, out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
}

struct number_row {
	const char *name;
	size_t offset;
	bool is_wide;
};

#define NARROW(name)                                                                               \
	{                                                                                          \
#name, offsetof(struct incident, name), false                                      \
	}
#define WIDE(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct incident, name), true                                       \
	}
static const struct number_row number_rows[] = {
	WIDE(number),        WIDE(revision),      NARROW(timeline_count), NARROW(reopen_count),
	NARROW(active_runs), WIDE(alert_count),   WIDE(opened_ms),        WIDE(impact_start_ms),
	WIDE(acked_ms),      WIDE(first_plan_ms), WIDE(mitigated_ms),     WIDE(resolved_ms),
};

struct text_row {
	const char *name;
	size_t offset;
	bool is_required;
};

#define TEXT(name, is_required)                                                                    \
	{                                                                                          \
#name, offsetof(struct incident, name), is_required                                \
	}
static const struct text_row text_rows[] = {
	TEXT(key, true),       TEXT(title, true),    TEXT(rule, true),   TEXT(severity, true),
	TEXT(category, false), TEXT(message, false), TEXT(owner, false),
};

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static void *field_of(const struct incident *incident, size_t offset)
{
	return (char *)(uintptr_t)incident + offset;
}

static json_t *to_json(const struct incident *incident)
{
	json_t *json = json_object();
	for (size_t i = 0; i < COUNT_OF(number_rows); i++) {
		const struct number_row *row = &number_rows[i];
		const void *field = field_of(incident, row->offset);
		int64_t number = row->is_wide ? *(const int64_t *)field : *(const uint32_t *)field;
		json_object_set_new(json, row->name, json_integer(number));
	}
	json_object_set_new(json, "state", json_string(incident_state_name(incident->state)));
	for (size_t i = 0; i < COUNT_OF(text_rows); i++) {
		const char *const *field = field_of(incident, text_rows[i].offset);
		json_object_set_new(json, text_rows[i].name, c_text_json(*field));
	}
	json_object_set_new(json, "labels", object_json(incident->labels_json));
	json_object_set_new(json, "dimension", object_json(incident->dimension_json));
	return json;
}

void incident_append_row(const struct incident *incident, struct bytes *out)
{
	dump_and_free(to_json(incident), out);
}

void incident_append_json(const struct incident *incident, struct bytes *out)
{
	const struct incident_member *member = incident->firing.first;
	json_t *json = to_json(incident), *firing = json_array();
	for (; member; member = member->next)
		json_array_append_new(firing, c_text_json(member->id));
	json_object_set_new(json, "firing", firing);
	json_object_set_new(json, "firing_count", json_integer(incident->firing_count));
	dump_and_free(json, out);
}

static int state_parse(const char *text)
{
	for (int state = 0; text && state < INCIDENT_STATES; state++) {
		if (strcmp(text, incident_state_name((enum incident_state)state)) == 0)
			return state;
	}
	return -1;
}

static int fill_numbers(struct incident *incident, const json_t *json)
{
	for (size_t i = 0; i < COUNT_OF(number_rows); i++) {
		const struct number_row *row = &number_rows[i];
		const json_t *value = json_object_get(json, row->name);
		json_int_t number = json_integer_value(value);
		if (!json_is_integer(value) || number < 0)
			return ERR_CORRUPT;
		void *field = field_of(incident, row->offset);
		if (row->is_wide)
			*(int64_t *)field = number;
		else if (number <= UINT32_MAX)
			*(uint32_t *)field = (uint32_t)number;
		else
			return ERR_CORRUPT;
	}
	return 0;
}

static int fill_texts(struct incident *incident, const json_t *json)
{
	for (size_t i = 0; i < COUNT_OF(text_rows); i++) {
		const char *text = json_string_value(json_object_get(json, text_rows[i].name));
		if (!text && text_rows[i].is_required)
			return ERR_CORRUPT;
		*(char **)field_of(incident, text_rows[i].offset) = mem_copy_text(text);
	}
	struct bytes object = BYTES_EMPTY;
	dump_and_free(json_incref(json_object_get(json, "labels")), &object);
	incident->labels_json = bytes_take_text(&object);
	dump_and_free(json_incref(json_object_get(json, "dimension")), &object);
	incident->dimension_json = bytes_take_text(&object);
	return 0;
}

/** Rows of before had their alerts in a list. */
static int fill_firing(struct incident *incident, const json_t *list)
{
	size_t index;
	const json_t *id;

	json_array_foreach(list, index, id)
	{
		if (!json_is_string(id) || index >= INCIDENT_ALERTS_MAX)
			return ERR_CORRUPT;
		member_add(incident, slice_of(json_string_value(id)), true);
	}
	return 0;
}

int incident_from_json(struct incident **out, struct slice text, struct err_note *why)
{
	json_error_t error;
	json_t *json = json_loadb(text.data, text.length, 0, &error);
	if (!json)
		return err_set(why, ERR_CORRUPT, "a stored incident is not JSON: %s", error.text);
	struct incident *incident = mem_alloc(sizeof(*incident));
	int state = state_parse(json_string_value(json_object_get(json, "state")));
	bool is_good = state >= 0 && fill_numbers(incident, json) == 0 &&
		       json_is_object(json_object_get(json, "labels")) &&
		       json_is_object(json_object_get(json, "dimension")) &&
		       fill_texts(incident, json) == 0 &&
		       fill_firing(incident, json_object_get(json, "firing")) == 0;
	json_decref(json);
	if (!is_good) {
		incident_free(incident);
		return err_set(why, ERR_CORRUPT, "a stored incident has missing or wrong fields");
	}
	incident->state = (enum incident_state)state;
	*out = incident;
	return 0;
}

void timeline_append_json(const struct incident *incident, uint32_t sequence, const char *kind,
			  const char *actor, const char *text, int64_t now_ms, struct bytes *out)
{
	json_t *json = json_object();
	json_object_set_new(json, "seq", json_integer(sequence));
	json_object_set_new(json, "time_ms", json_integer(now_ms));
	json_object_set_new(json, "kind", c_text_json(kind));
	json_object_set_new(json, "actor", c_text_json(actor));
	json_object_set_new(json, "text", c_text_json(text));
	json_object_set_new(json, "state", json_string(incident_state_name(incident->state)));
	json_object_set_new(json, "revision", json_integer((json_int_t)incident->revision));
	dump_and_free(json, out);
}

static json_t *value_json(const struct value *value)
{
	switch ((enum value_type)value->type) {
	case VALUE_NIL: return json_null();
	case VALUE_BOOL: return json_boolean(value->as.boolean);
	case VALUE_INT: return json_integer(value->as.integer);
	case VALUE_FLOAT: return json_real(value->as.number);
	case VALUE_STRING: return text_json(value->as.text, value->length);
	}
	return json_null();
}

char *incident_dimension_json(const struct alert *alert)
{
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(alert->key, values, DIMENSION_FIELDS_MAX);
	json_t *json = json_object();
	for (int i = 0; i < count && (uint32_t)i < alert->by_count; i++)
		json_object_set_new(json, alert->by[i], value_json(&values[i]));
	struct bytes out = BYTES_EMPTY;
	dump_and_free(json, &out);
	return bytes_take_text(&out);
}
