#include "core/control/json_text.h"

#include "core/base/require.h"
#include "core/base/utf8.h"
#include "core/model/timestamp.h"
#include "core/rule/impact.h"

#include <string.h>

json_t *json_text_slice(struct slice text)
{
	struct bytes clean = BYTES_EMPTY;
	size_t at = 0;
	while (at < text.length) {
		const char *here = text.data + at;
		size_t length = *here != '\0' ? utf8_length(here, text.length - at) : 0;
		if (length == 0) {
			bytes_append_text(&clean, UTF8_REPLACEMENT);
			at++;
		} else {
			bytes_append(&clean, here, length);
			at += length;
		}
	}
	json_t *string = json_stringn(clean.length > 0 ? clean.data : "", clean.length);
	bytes_deinit(&clean);
	REQUIRE(string != NULL);
	return string;
}

json_t *json_text(const char *text)
{
	return text != NULL ? json_text_slice(slice_of(text)) : json_null();
}

json_t *json_time(int64_t ms)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];
	if (ms <= 0)
		return json_null();
	timestamp_format(ms, text);
	return json_text(text);
}

void json_take(json_t *object, const char *key, json_t *value)
{
	REQUIRE(json_object_set_new(object, key, value) == 0);
}

void json_put_text(json_t *object, const char *key, const char *text)
{
	json_take(object, key, json_text(text));
}

void json_put_int(json_t *object, const char *key, uint64_t number)
{
	json_take(object, key, json_integer((json_int_t)number));
}

/** Spans end in _ms too ("late_by_ms"): a wall time of this program lies after 2001. */
enum { SPELLED_NAME_BYTES_MAX = 64 };
static const json_int_t earliest_ms = 1000000000000;

void json_spell_times(json_t *object)
{
	const char *name;
	json_t *value;
	void *next;
	json_object_foreach_safe(object, next, name, value)
	{
		char spelled[SPELLED_NAME_BYTES_MAX];
		size_t length = strlen(name);
		json_int_t ms = json_integer_value(value);
		if (!json_is_integer(value) || length <= 3 || length >= sizeof(spelled) ||
		    strcmp(name + length - 3, "_ms") != 0 || (ms != 0 && ms < earliest_ms))
			continue;
		snprintf(spelled, sizeof(spelled), "%.*s", (int)(length - 3), name);
		json_take(object, spelled, json_time(ms));
		json_object_del(object, name);
	}
}

static json_t *version_json(uint32_t version)
{
	return version > 0 ? json_integer(version) : json_null();
}

static json_t *part_json(const struct impact_part *part)
{
	json_t *object = json_object();
	json_put_text(object, "fate", impact_fate_name(part->fate));
	json_put_text(object, "text", part->text);
	return object;
}

json_t *json_impact(const struct impact *impact, uint32_t from, uint32_t to, int64_t at_ms)
{
	json_t *object = json_object();
	json_take(object, "from", version_json(from));
	json_take(object, "to", version_json(to));
	json_take(object, "at", json_time(at_ms));
	json_take(object, "panes", part_json(&impact->panes));
	json_take(object, "states", part_json(&impact->states));
	if (impact->has_history)
		json_take(object, "history", part_json(&impact->history));
	json_take(object, "alerts", part_json(&impact->alerts));
	return object;
}
