#include "core/control/json_text.h"

#include "core/base/require.h"
#include "core/model/timestamp.h"

#include <string.h>

/** Length of the valid UTF-8 sequence at `text`, or 0. Table 3-7 of the Unicode standard. */
static size_t sequence_length(const unsigned char *text, size_t left)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		size_t length;
	} rows[] = {
		{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
		{0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3},
		{0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
		{0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
	};
	if (text[0] < 0x80)
		return text[0] != '\0' ? 1 : 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text[0] < rows[i].first_low || text[0] > rows[i].first_high)
			continue;
		if (left < rows[i].length || text[1] < rows[i].second_low ||
		    text[1] > rows[i].second_high)
			return 0;
		for (size_t k = 2; k < rows[i].length; k++) {
			if (text[k] < 0x80 || text[k] > 0xBF)
				return 0;
		}
		return rows[i].length;
	}
	return 0;
}

json_t *json_text_slice(struct slice text)
{
	struct bytes clean = BYTES_EMPTY;
	size_t at = 0;
	while (at < text.length) {
		const unsigned char *here = (const unsigned char *)text.data + at;
		size_t length = sequence_length(here, text.length - at);
		if (length == 0) {
			bytes_append_text(&clean, "\xEF\xBF\xBD");
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
