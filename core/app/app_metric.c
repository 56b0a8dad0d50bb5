#include "core/app/app_metric.h"

#include "core/app/app_internal.h"
#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/engine/engine.h"
#include "core/model/dimension.h"
#include "core/model/timestamp.h"
#include "core/rule/rule.h"

#include <math.h>
#include <string.h>

struct wanted {
	const char *name;
	const struct rule *rule;
	int64_t evaluated_ms;
};

static void on_rule(void *arg, const struct engine_rule_status *status)
{
	struct wanted *wanted = arg;

	if (strcmp(status->rule->name, wanted->name) != 0)
		return;
	wanted->rule = status->rule;
	wanted->evaluated_ms = status->evaluated_ms;
}

static int add_field(struct bytes *out, const char *field, const json_t *json, struct err_note *why)
{
	struct value value = {.type = VALUE_STRING};
	double number = json_number_value(json);

	if (json_is_string(json)) {
		value.as.text = json_string_value(json);
		value.length = (uint32_t)json_string_length(json);
	} else if (json_is_boolean(json)) {
		value.type = VALUE_BOOL;
		value.as.boolean = json_is_true(json);
	} else if (json_is_number(json)) {
		value.type = VALUE_FLOAT;
		value.as.number = number;
	} else {
		return err_set(why, ERR_INVALID,
			       "the key needs the field \"%.64s\", a text, a number or a boolean",
			       field);
	}
	dimension_append(out, &value);
	return 0;
}

static int make_key(const struct rule *rule, const json_t *key, struct bytes *out,
		    struct err_note *why)
{
	const char *name;
	json_t *value;
	int code = 0;

	json_object_foreach((json_t *)(uintptr_t)key, name, value)
	{
		bool is_known = false;

		(void)value;
		for (uint32_t i = 0; i < rule->by_count; i++)
			is_known = is_known || strcmp(rule->by[i], name) == 0;
		if (!is_known)
			return err_set(why, ERR_INVALID,
				       "rule %.64s does not group by \"%.64s\", a field of the key",
				       rule->name, name);
	}
	for (uint32_t i = 0; code == 0 && i < rule->by_count; i++)
		code = add_field(out, rule->by[i], json_object_get(key, rule->by[i]), why);
	return code;
}

static void put_status(void *arg, const struct engine_key_status *status)
{
	json_t *object = arg;
	bool is_firing = status->stage == KEY_STAGE_FIRING || status->stage == KEY_STAGE_CLEARING;

	json_object_set_new(object, "count", json_integer((json_int_t)status->total->count));
	if (status->has_value && isfinite(status->value))
		json_object_set_new(object, "value", json_real(status->value));
	json_object_set_new(object, "firing", json_boolean(is_firing));
	json_object_set_new(object, "stage", json_string(key_stage_name(status->stage)));
	if (status->severity != NULL)
		json_object_set_new(object, "severity", json_string(status->severity));
}

int app_metric(void *arg, const char *rule, const json_t *key, json_t **out, struct err_note *why)
{
	const struct app *app = arg;
	struct wanted wanted = {.name = rule};
	struct bytes bytes = BYTES_EMPTY;
	json_t *object = json_object();
	int code;

	engine_each_rule(app->engine, on_rule, &wanted);
	if (wanted.rule == NULL)
		code = err_set(why, ERR_NOT_FOUND, "there is no rule \"%.64s\" that is active",
			       rule);
	else
		code = make_key(wanted.rule, key, &bytes, why);
	if (code == 0) {
		if (engine_ask_key(app->engine, rule, bytes_slice(&bytes), put_status, object)) {
			json_object_set_new(object, "time",
					    json_real((double)wanted.evaluated_ms / 1000));
		} else {
			json_object_set_new(object, "count", json_integer(0));
			json_object_set_new(object, "firing", json_false());
			json_object_set_new(object, "stage", json_string("ok"));
		}
	}
	bytes_deinit(&bytes);
	if (code == 0)
		*out = object;
	else
		json_decref(object);
	return code;
}
