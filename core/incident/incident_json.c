#include "core/incident/incident_internal.h"

#include <jansson.h>

#include <string.h>

#include "core/base/mem.h"
#include "core/incident/incident_text.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "core/model/value.h"

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

json_t *incident_text_json(const char *text)
{
	return text_json(text, text ? strlen(text) : 0);
}

bool incident_is_utf8(struct slice text)
{
	json_t *json = json_stringn(text.length > 0 ? text.data : "", text.length);
	json_decref(json);
	return json != NULL;
}

json_t *incident_object_json(const char *text)
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

void incident_dump(json_t *json, struct bytes *out)
{
	json_dump_callback(json, append_dump, out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
}

void timeline_append_json(struct incident *incident, uint32_t sequence, const char *kind,
			  const char *actor, const char *text, int64_t now_ms, struct bytes *out)
{
	json_t *json = json_object();
	json_object_set_new(json, "seq", json_integer(sequence));
	json_object_set_new(json, "time_ms", json_integer(now_ms));
	json_object_set_new(json, "kind", incident_text_json(kind));
	json_object_set_new(json, "actor", incident_text_json(actor));
	json_object_set_new(json, "text", incident_text_json(text));
	json_object_set_new(json, "state", json_string(incident_state_name(incident->state)));
	json_object_set_new(json, "revision", json_integer((json_int_t)incident->revision));
	json_t *set = incident_take_changes(incident);
	if (json_object_size(set) > 0)
		json_object_set(json, "set", set);
	json_decref(set);
	incident_dump(json, out);
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
	incident_dump(json, &out);
	return bytes_take_text(&out);
}
