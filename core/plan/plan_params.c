#include "core/plan/plan_params.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan.h"
#include "core/plan/plan_json.h"

#include <string.h>

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: return "a table";
	case JSON_ARRAY: return "a list";
	case JSON_STRING: return "a text";
	case JSON_INTEGER:
	case JSON_REAL: return "a number";
	case JSON_TRUE:
	case JSON_FALSE: return "true or false";
	case JSON_NULL: return "null";
	}
	return "?";
}

static bool is_empty_table(const json_t *value)
{
	return (json_is_object(value) && json_object_size(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

/* In Lua an empty table is a list and a map. */
static bool is_same_type(const json_t *declared, const json_t *given)
{
	bool are_tables = (json_is_object(declared) || json_is_array(declared)) &&
			  (json_is_object(given) || json_is_array(given));
	if (are_tables && (is_empty_table(declared) || is_empty_table(given)))
		return true;
	return strcmp(type_name(declared), type_name(given)) == 0;
}

static int refuse_name(const struct plan *plan, const json_t *declared, const char *name,
		       struct err_note *why)
{
	struct bytes names = BYTES_EMPTY;
	const char *known;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)declared, known, value)
	{
		bytes_append_format(&names, "%s%s", names.length > 0 ? ", " : "", known);
	}
	int code = err_set(why, ERR_INVALID, "plan %s has no param \"%.100s\"; declared: %.400s",
			   plan->name, name, names.length > 0 ? names.data : "none");
	bytes_deinit(&names);
	return code;
}

static int merge(const struct plan *plan, json_t *params, json_t *given, struct err_note *why)
{
	const char *name;
	json_t *value;
	json_object_foreach(given, name, value)
	{
		const json_t *declared = json_object_get(params, name);
		if (!declared)
			return refuse_name(plan, params, name, why);
		if (!is_same_type(declared, value))
			return err_set(why, ERR_INVALID,
				       "param %.100s of plan %s must be %s, found %s", name,
				       plan->name, type_name(declared), type_name(value));
		json_object_set(params, name, value);
	}
	return 0;
}

int plan_params_merge(const struct plan *plan, const char *given_json, char **out,
		      struct err_note *why)
{
	json_t *params = plan_json_parse(plan->params_json);
	json_t *given = given_json ? plan_json_parse(given_json) : NULL;
	int code = 0;
	if (given_json && !json_is_object(given))
		code = err_set(why, ERR_INVALID, "the params of plan %s must be a JSON object",
			       plan->name);
	else if (given_json && strlen(given_json) > PLAN_PARAMS_BYTES_MAX)
		code = err_set(why, ERR_INVALID, "the params of plan %s are longer than %d bytes",
			       plan->name, PLAN_PARAMS_BYTES_MAX);
	else if (given)
		code = merge(plan, params, given, why);
	if (code == 0)
		*out = plan_json_text(params);
	json_decref(given);
	json_decref(params);
	return code;
}
