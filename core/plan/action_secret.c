#include "core/plan/action_secret.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/plan/plan_json.h"

#include <string.h>

enum { DEPTH_MAX = 32 };

static const char *name_of(const json_t *value)
{
	return json_string_value(json_object_get(value, "$secret"));
}

static bool is_in(const json_t *value, int depth)
{
	const char *key;
	json_t *part;
	bool found = name_of(value) != NULL;
	if (depth > DEPTH_MAX)
		return false;
	json_object_foreach((json_t *)(uintptr_t)value, key, part) found =
		found || is_in(part, depth + 1);
	for (size_t i = 0; i < json_array_size(value); i++)
		found = found || is_in(json_array_get(value, i), depth + 1);
	return found;
}

bool action_secret_is_in(const json_t *args)
{
	return is_in(args, 0);
}

static int read_value(const json_t *handle, const struct config *config, json_t *values,
		      json_t **out, struct err_note *why)
{
	static const char *const names[] = {"$secret", "prefix", "suffix", NULL};
	const char *name = name_of(handle);
	const char *prefix = json_string_value(json_object_get(handle, "prefix"));
	const char *suffix = json_string_value(json_object_get(handle, "suffix"));
	const char *reference = config ? config_find_secret(config, name) : NULL;
	char *value = NULL;
	int code = plan_json_check_names(handle, "a secret", names, why);
	if (code == 0 && !reference)
		code = err_set(why, ERR_NOT_FOUND,
			       "the site has no secret \"%.64s\" (secrets in tocsin.lua)", name);
	if (code == 0 && values)
		code = secret_read(reference, &value, why);
	if (code != 0)
		return code;
	if (values)
		json_array_append_new(values, plan_json_clean(slice_of(value), SIZE_MAX));
	char *text = mem_format("%s%s%s", prefix ? prefix : "", value ? value : name,
				suffix ? suffix : "");
	*out = plan_json_clean(slice_of(text), SIZE_MAX);
	mem_free(text);
	mem_free(value);
	return 0;
}

static int resolve(const json_t *value, const struct config *config, json_t *values, json_t **out,
		   struct err_note *why)
{
	const char *key;
	json_t *part, *copy;
	int code = 0;
	if (name_of(value))
		return read_value(value, config, values, out, why);
	if (!json_is_object(value) && !json_is_array(value)) {
		*out = json_deep_copy(value);
		return 0;
	}
	json_t *made = json_is_object(value) ? json_object() : json_array();
	json_object_foreach((json_t *)(uintptr_t)value, key, part)
	{
		if (code == 0 && (code = resolve(part, config, values, &copy, why)) == 0)
			json_object_set_new(made, key, copy);
	}
	for (size_t i = 0; code == 0 && i < json_array_size(value); i++) {
		code = resolve(json_array_get(value, i), config, values, &copy, why);
		if (code == 0)
			json_array_append_new(made, copy);
	}
	if (code == 0)
		*out = made;
	else
		json_decref(made);
	return code;
}

int action_secret_resolve(const json_t *args, const struct config *config, json_t *values,
			  json_t **out, struct err_note *why)
{
	return resolve(args, config, values, out, why);
}

static char *hide_one(const char *text, const char *value)
{
	struct bytes out = BYTES_EMPTY;
	const char *at;
	size_t length = strlen(value);
	bytes_append_text(&out, "");
	while (length > 0 && (at = strstr(text, value)) != NULL) {
		bytes_append(&out, text, (size_t)(at - text));
		bytes_append_text(&out, "[secret]");
		text = at + length;
	}
	bytes_append_text(&out, text);
	return bytes_take_text(&out);
}

char *action_secret_hide(const char *text, const json_t *values)
{
	char *hidden = mem_copy_text(text);
	for (size_t i = 0; hidden && i < json_array_size(values); i++) {
		const json_t *value = json_array_get(values, i);
		/* A target that answers in JSON sends it back with escapes. */
		char *quoted = plan_json_text(value);
		quoted[strlen(quoted) - 1] = '\0';
		char *once = hide_one(hidden, json_string_value(value));
		mem_free(hidden);
		hidden = hide_one(once, quoted + 1);
		mem_free(once);
		mem_free(quoted);
	}
	return hidden;
}

static json_t *hide_in(const json_t *value, const json_t *values)
{
	const char *key;
	json_t *part;
	if (json_is_string(value)) {
		char *text = action_secret_hide(json_string_value(value), values);
		json_t *hidden = plan_json_clean(slice_of(text), SIZE_MAX);
		mem_free(text);
		return hidden;
	}
	if (!json_is_object(value) && !json_is_array(value))
		return json_deep_copy(value);
	json_t *made = json_is_object(value) ? json_object() : json_array();
	json_object_foreach((json_t *)(uintptr_t)value, key, part)
		json_object_set_new(made, key, hide_in(part, values));
	for (size_t i = 0; i < json_array_size(value); i++)
		json_array_append_new(made, hide_in(json_array_get(value, i), values));
	return made;
}

char *action_secret_hide_json(const char *json_text, const json_t *values)
{
	json_t *json = json_text ? plan_json_parse(json_text) : NULL;
	if (!json)
		return NULL;
	json_t *hidden = hide_in(json, values);
	char *text = plan_json_text(hidden);
	json_decref(hidden);
	json_decref(json);
	return text;
}
