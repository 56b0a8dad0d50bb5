#include "core/incident/incident_internal.h"

#include <jansson.h>

#include <string.h>

#include "core/base/mem.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "core/model/value.h"

enum { SERVICES_MAX = 16, NAME_BYTES_MAX = 128 };

uint32_t names_put(struct incident_names *names, struct slice name, uint32_t max)
{
	for (uint32_t i = 0; i < names->count; i++) {
		if (strlen(names->names[i]) == name.length &&
		    memcmp(names->names[i], name.data, name.length) == 0)
			return i;
	}
	if (names->count >= max)
		return max;
	names->names = mem_grow(names->names, names->count + 1, sizeof(char *));
	names->names[names->count] = mem_copy_bytes(name.data, name.length);
	return names->count++;
}

void names_deinit(struct incident_names *names)
{
	for (uint32_t i = 0; i < names->count; i++)
		mem_free(names->names[i]);
	mem_free(names->names);
	*names = (struct incident_names){0};
}

char *alert_merchant(const struct incident_store *store, const struct alert *alert)
{
	struct value values[DIMENSION_FIELDS_MAX];
	const char *field = store->settings.member_field;
	int count = field ? dimension_decode(alert->key, values, DIMENSION_FIELDS_MAX) : 0;
	for (int i = 0; i < count && (uint32_t)i < alert->by_count; i++) {
		if (strcmp(alert->by[i], field) != 0 || values[i].type == VALUE_NIL)
			continue;
		struct bytes text = BYTES_EMPTY;
		value_append_text(&values[i], &text);
		if (text.length > NAME_BYTES_MAX || !incident_is_utf8(bytes_slice(&text)) ||
		    memchr(text.data ? text.data : "", '\0', text.length))
			bytes_clear(&text); /* such a name cannot come back from the store */
		return bytes_take_text(&text);
	}
	return NULL;
}

static void put_text(struct incident_names *names, const json_t *text)
{
	if (json_is_string(text) && json_string_length(text) <= NAME_BYTES_MAX &&
	    strlen(json_string_value(text)) == json_string_length(text))
		names_put(names, slice_of(json_string_value(text)), SERVICES_MAX);
}

void names_put_service(struct incident_names *names, const char *labels_json)
{
	if (!labels_json || !strstr(labels_json, "\"service\""))
		return;
	json_t *labels = json_loads(labels_json, 0, NULL);
	const json_t *service = json_object_get(labels, "service"), *item;
	size_t index;
	put_text(names, service);
	json_array_foreach(service, index, item)
	{
		put_text(names, item);
	}
	json_decref(labels);
}
