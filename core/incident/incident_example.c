#include "core/incident/incident_example.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/incident/incident.h"
#include "core/incident/incident_internal.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"

#include <stdlib.h>
#include <string.h>

static int value_of(const json_t *json, struct value *out)
{
	switch (json_typeof(json)) {
	case JSON_STRING:
		*out = (struct value){.type = VALUE_STRING,
				      .length = (uint32_t)json_string_length(json)};
		out->as.text = json_string_value(json);
		return 0;
	case JSON_INTEGER:
		*out = (struct value){.type = VALUE_INT};
		out->as.integer = json_integer_value(json);
		return 0;
	case JSON_REAL:
		*out = (struct value){.type = VALUE_FLOAT};
		out->as.number = json_real_value(json);
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		*out = (struct value){.type = VALUE_BOOL};
		out->as.boolean = json_is_true(json);
		return 0;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_NULL: break;
	}
	return ERR_INVALID;
}

struct made {
	struct alert alert;
	struct bytes key;
	const char *by[DIMENSION_FIELDS_MAX];
	char *labels;
	const char *category;
};

static int read_dimension(struct made *made, const struct incident_example *example,
			  struct err_note *why)
{
	json_t *dimension = json_object_get(example->alert, "dimension"), *json;
	const char *name;
	json_object_foreach(dimension, name, json)
	{
		struct value value;
		if (made->alert.by_count == DIMENSION_FIELDS_MAX)
			return err_set(why, ERR_INVALID, "a dimension has at most %d fields",
				       DIMENSION_FIELDS_MAX);
		if (value_of(json, &value) != 0)
			return err_set(why, ERR_INVALID,
				       "the field \"%.64s\" of a dimension is a text, a number or "
				       "a boolean",
				       name);
		dimension_append(&made->key, &value);
		made->by[made->alert.by_count++] = name;
		if (json_is_string(json) && example->category_of && !made->category)
			made->category =
				example->category_of(example->arg, name, json_string_value(json));
	}
	return 0;
}

static int check_members(const json_t *json, struct err_note *why)
{
	static const char *const texts[] = {"rule",     "title",   "severity",
					    "category", "message", NULL};
	static const char *const names[] = {"rule",    "title",  "severity",  "category",
					    "message", "labels", "dimension", NULL};
	const char *name;
	json_t *member;
	if (!json_is_object(json))
		return err_set(why, ERR_INVALID, "an alert is a table of its fields");
	json_object_foreach((json_t *)(uintptr_t)json, name, member)
	{
		int i = 0;
		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (!names[i])
			return err_set(why, ERR_INVALID,
				       "an alert has no member \"%.64s\"; known: rule, title, "
				       "severity, category, message, labels, dimension",
				       name);
	}
	for (int i = 0; texts[i]; i++) {
		const json_t *value = json_object_get(json, texts[i]);
		if (value && !json_is_string(value))
			return err_set(why, ERR_INVALID, "the %s of an alert is a text", texts[i]);
	}
	if (!json_is_string(json_object_get(json, "rule")))
		return err_set(why, ERR_INVALID, "an alert needs the name of its rule");
	for (int i = 5; i < 7; i++) {
		const json_t *value = json_object_get(json, names[i]);
		if (value && !json_is_object(value))
			return err_set(why, ERR_INVALID, "the %s of an alert is a table of fields",
				       names[i]);
	}
	return 0;
}

static const char *text_of(const json_t *json, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : otherwise;
}

static int make_alert(const struct incident_example *example, struct made *made,
		      struct err_note *why)
{
	const json_t *json = example->alert, *labels = json_object_get(json, "labels");
	int64_t now_ms = example->now_ms;
	int code = check_members(json, why);
	if (code == 0)
		code = read_dimension(made, example, why);
	if (code != 0)
		return code;
	made->labels = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
	struct alert *alert = &made->alert;
	alert->rule = text_of(json, "rule", "");
	alert->title = text_of(json, "title", alert->rule);
	alert->severity = text_of(json, "severity", "warning");
	alert->category = text_of(json, "category", made->category);
	alert->message = text_of(json, "message", NULL);
	alert->version = 1;
	alert->form = FORM_GROUP;
	alert->state = example->is_resolved ? ALERT_RESOLVED : ALERT_FIRING;
	alert->is_drill = example->is_drill;
	alert->window_start_ms = now_ms - 60000;
	alert->window_end_ms = now_ms;
	alert->window_ms = 60000;
	alert->statistic = "count";
	alert->key = bytes_slice(&made->key);
	alert->by = made->by;
	alert->labels_json = made->labels ? made->labels : "{}";
	alert_make_id(alert);
	return 0;
}

/** Of a drill: no other incident ever has it. */
static char *key_of(const struct alert *alert)
{
	char *key = incident_key(alert, NULL, 0, false);
	if (!alert->is_drill)
		return key;
	char *own = mem_format("drill:%lld;%s", (long long)alert->window_end_ms, key);
	mem_free(key);
	return own;
}

int incident_on_example(struct incident_store *store, const struct incident_example *example,
			uint64_t *number, struct err_note *why)
{
	struct made made = {.key = BYTES_EMPTY};
	int code = make_alert(example, &made, why);
	if (code == 0) {
		char *key = key_of(&made.alert);
		const struct incident *incident =
			incident_on_alert(store, &made.alert, key, example->now_ms);
		*number = incident ? incident->number : 0;
		mem_free(key);
	}
	bytes_deinit(&made.key);
	free(made.labels);
	return code;
}

void incident_end_drill(struct incident_store *store, uint64_t number, int64_t now_ms)
{
	struct incident *incident = store_find(store, number);
	/* One that a person has called a drill has alerts that are real. */
	if (!incident || !incident->is_drill || strncmp(incident->key, "drill:", 6) != 0 ||
	    !incident->firing.first)
		return;
	while (incident->firing.first)
		member_calm(store, incident->firing.first);
	incident->asked_ms = now_ms;
	incident_record_fact(store, incident, "alert_resolved", INCIDENT_SELF, "the drill is over",
			     now_ms);
	incident_settle(store, incident, now_ms);
}

void incident_drill_run_ended(struct incident_store *store, uint64_t number, int64_t now_ms)
{
	const struct incident *incident = store_find(store, number);
	if (incident && incident->active_runs == 0)
		incident_end_drill(store, number, now_ms);
}
