#include "core/plan/answer_schema.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_json.h"

#include <string.h>

enum { DEPTH_MAX = 4, TYPE_COUNT = 5 };
enum type { TYPE_TEXT, TYPE_NUMBER, TYPE_WHOLE, TYPE_BOOLEAN, TYPE_ANY };

static const char *const type_names[TYPE_COUNT] = {"text", "number", "whole", "boolean", "any"};
static const char *const type_words[TYPE_COUNT] = {"a text", "a number", "a whole number",
						   "true or false", "given"};

static int type_of(const json_t *schema)
{
	const json_t *named = json_is_object(schema) ? json_object_get(schema, "type") : schema;
	const char *text = json_string_value(named);
	if (!named)
		return TYPE_ANY;
	for (int i = 0; text && i < TYPE_COUNT; i++) {
		if (strcmp(type_names[i], text) == 0)
			return i;
	}
	return -1;
}

static int check(const json_t *schema, const char *name, int depth, struct err_note *why)
{
	static const char *const members[] = {"type",   "choices",  "min", "max",
					      "fields", "optional", NULL};
	const char *field;
	json_t *part;
	int code = 0;
	if (depth > DEPTH_MAX)
		return err_set(why, ERR_INVALID, "%s is nested deeper than %d", name, DEPTH_MAX);
	if (type_of(schema) < 0 || (!json_is_object(schema) && !json_is_string(schema)))
		return err_set(why, ERR_INVALID,
			       "%s must be \"text\", \"number\", \"whole\", \"boolean\" or a table "
			       "of type, choices, min, max, fields, optional",
			       name);
	if (json_is_string(schema))
		return 0;
	code = plan_json_check_names(schema, name, members, why);
	const json_t *fields = json_object_get(schema, "fields");
	const json_t *choices = json_object_get(schema, "choices");
	if (code == 0 && choices && json_array_size(choices) == 0)
		code = err_set(why, ERR_INVALID, "%s.choices must be a list", name);
	if (code == 0 && fields && json_object_size(fields) == 0)
		code = err_set(why, ERR_INVALID, "%s.fields must be a table of names", name);
	for (int i = 2; code == 0 && i < 4; i++) {
		part = json_object_get(schema, members[i]);
		if (part && !json_is_number(part))
			code = err_set(why, ERR_INVALID, "%s.%s must be a number", name,
				       members[i]);
	}
	json_object_foreach((json_t *)(uintptr_t)fields, field, part)
	{
		char *inner = mem_format("%.100s.%.60s", name, field);
		if (code == 0)
			code = check(part, inner, depth + 1, why);
		mem_free(inner);
	}
	return code;
}

int answer_schema_check(const json_t *schema, const char *name, struct err_note *why)
{
	return schema ? check(schema, name, 1, why) : 0;
}

static bool is_type(int type, const json_t *value)
{
	switch ((enum type)type) {
	case TYPE_TEXT: return json_is_string(value);
	case TYPE_NUMBER: return json_is_number(value);
	case TYPE_WHOLE: return json_is_integer(value);
	case TYPE_BOOLEAN: return json_is_boolean(value);
	case TYPE_ANY: return true;
	}
	return false;
}

/* The size that min and max are about; false: it has none. */
static bool size_of(const json_t *value, double *out)
{
	if (json_is_number(value))
		*out = json_number_value(value);
	else if (json_is_string(value))
		*out = (double)json_string_length(value);
	else
		return false;
	return true;
}

static int check_bounds(const json_t *schema, const json_t *value, const char *name,
			struct err_note *why)
{
	const json_t *least = json_object_get(schema, "min"),
		     *most = json_object_get(schema, "max");
	const char *unit = json_is_string(value) ? " bytes" : "";
	double size;
	if (!size_of(value, &size))
		return 0;
	if (least && size < json_number_value(least))
		return err_set(why, ERR_INVALID, "%s must be at least %g%s", name,
			       json_number_value(least), unit);
	if (most && size > json_number_value(most))
		return err_set(why, ERR_INVALID, "%s must be at most %g%s", name,
			       json_number_value(most), unit);
	return 0;
}

static int check_fields(const json_t *fields, const json_t *value, const char *name,
			struct err_note *why)
{
	const char *field;
	json_t *part;
	int code = 0;
	if (!json_is_object(value)) {
		struct bytes names = BYTES_EMPTY;
		json_object_foreach((json_t *)(uintptr_t)fields, field, part)
			bytes_append_format(&names, "%s%.60s", names.length > 0 ? ", " : "", field);
		code = err_set(why, ERR_INVALID, "%s must be an object of %.300s", name,
			       names.data);
		bytes_deinit(&names);
		return code;
	}
	json_object_foreach((json_t *)(uintptr_t)value, field, part)
	{
		if (code == 0 && !json_object_get(fields, field))
			code = err_set(why, ERR_INVALID, "%s has no member \"%.60s\"", name, field);
	}
	json_object_foreach((json_t *)(uintptr_t)fields, field, part)
	{
		const json_t *given = json_object_get(value, field);
		char *inner = mem_format("%.100s.%.60s", name, field);
		bool is_optional = json_is_true(json_object_get(part, "optional"));
		if (code == 0 && (given || !is_optional))
			code = answer_schema_fits(part, given, inner, why);
		mem_free(inner);
	}
	return code;
}

static int check_choices(const json_t *choices, const json_t *value, const char *name,
			 struct err_note *why)
{
	for (size_t i = 0; i < json_array_size(choices); i++) {
		if (json_equal(json_array_get(choices, i), value))
			return 0;
	}
	char *list = plan_json_text(choices);
	int code = err_set(why, ERR_INVALID, "%s must be one of %.400s", name, list);
	mem_free(list);
	return code;
}

int answer_schema_fits(const json_t *schema, const json_t *value, const char *name,
		       struct err_note *why)
{
	if (!schema)
		return 0;
	int type = type_of(schema);
	if (type < 0)
		type = TYPE_ANY;
	const json_t *fields = json_object_get(schema, "fields");
	const json_t *choices = json_object_get(schema, "choices");
	if (!value || (json_is_null(value) && !choices && !fields) || !is_type(type, value))
		return err_set(why, ERR_INVALID, "%s must be %s", name, type_words[type]);
	if (fields)
		return check_fields(fields, value, name, why);
	if (choices)
		return check_choices(choices, value, name, why);
	return check_bounds(schema, value, name, why);
}
