#include "core/plan/plan_json.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/short_numbers.h"
#include "core/base/utf8.h"
#include "core/config/tree_json.h"
#include "core/model/span.h"

#include <jansson.h>

#include <math.h>
#include <string.h>

static int append_dump(const char *data, size_t length, void *arg)
{
	struct bytes *out = arg;
	bytes_append(out, data, length);
	return 0;
}

void plan_json_append(const json_t *json, struct bytes *out)
{
	struct bytes text = BYTES_EMPTY;
	json_dump_callback(json, append_dump, &text,
			   JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	short_numbers_append(out, bytes_slice(&text));
	bytes_deinit(&text);
}

char *plan_json_text(const json_t *json)
{
	struct bytes out = BYTES_EMPTY;
	plan_json_append(json, &out);
	return bytes_take_text(&out);
}

int plan_json_of_tree(const struct tree *tree, struct bytes *out)
{
	json_t *json = tree_to_json(tree);
	if (!json)
		return ERR_INVALID;
	plan_json_append(json, out);
	json_decref(json);
	return 0;
}

json_t *plan_json_parse(const char *text)
{
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

json_t *plan_json_clean(struct slice text, size_t bytes_max)
{
	struct bytes clean = BYTES_EMPTY;
	size_t i = 0;
	while (i < text.length) {
		size_t length = utf8_length(text.data + i, text.length - i);
		size_t wanted = length > 0 ? length : 1;
		if (clean.length + wanted > bytes_max)
			break;
		if (length == 0 || text.data[i] == '\0')
			bytes_append_char(&clean, '?');
		else
			bytes_append(&clean, text.data + i, length);
		i += wanted;
	}
	json_t *json = json_stringn(clean.data ? clean.data : "", clean.length);
	bytes_deinit(&clean);
	return json;
}

int plan_json_span(const json_t *json, int64_t *out_ms)
{
	if (json_is_string(json))
		return span_parse(json_string_value(json), out_ms, NULL);
	double seconds = json_number_value(json);
	if (!json_is_number(json) || !(seconds >= 0) || seconds > 366.0 * 86400)
		return ERR_INVALID;
	*out_ms = (int64_t)llround(seconds * 1000);
	return 0;
}

int plan_json_check_names(const json_t *args, const char *what, const char *const *names,
			  struct err_note *why)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)args, name, value)
	{
		struct bytes known = BYTES_EMPTY;
		bool is_known = false;
		(void)value;
		for (int i = 0; names[i]; i++) {
			is_known = is_known || strcmp(names[i], name) == 0;
			bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", names[i]);
		}
		if (!is_known)
			err_set(why, ERR_INVALID, "%s has no member \"%.64s\"; known: %s", what,
				name, known.data ? known.data : "");
		bytes_deinit(&known);
		if (!is_known)
			return ERR_INVALID;
	}
	return 0;
}
