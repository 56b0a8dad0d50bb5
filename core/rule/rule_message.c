#include "core/rule/rule_message.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/number.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "core/model/span.h"
#include "core/model/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_LIST(X)                                                                               \
	X(VALUE, "value")                                                                          \
	X(COUNT, "count")                                                                          \
	X(THRESHOLD, "threshold")                                                                  \
	X(SEVERITY, "severity")                                                                    \
	X(STATE, "state")                                                                          \
	X(RULE, "rule")                                                                            \
	X(TITLE, "title")                                                                          \
	X(WINDOW, "window")                                                                        \
	X(BASELINE, "baseline")                                                                    \
	X(BASELINE_TIME, "baseline_time")                                                          \
	X(BAND, "band")                                                                            \
	X(REFERENCES, "references")

enum part_type {
	PART_TEXT,
	PART_FIELD,
#define PART_ENUM(name, text) PART_##name,
	NAME_LIST(PART_ENUM)
#undef PART_ENUM
};

static const struct {
	enum part_type type;
	const char *text;
} names[] = {
#define PART_NAME(name, text) {PART_##name, (text)},
	NAME_LIST(PART_NAME)
#undef PART_NAME
};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]), SPAN_TEXT_BYTES_MAX = 24 };

struct part {
	enum part_type type;
	uint32_t field; /**< place in the dimension */
	struct slice text;
};

struct rule_message {
	uint32_t part_count;
	struct part parts[RULE_MESSAGE_PARTS_MAX];
};

/** What is read, and what it may name. */
struct reading {
	struct arena *arena;
	const char *const *by;
	uint32_t by_count;
	struct rule_message *message;
	struct err_note *why;
};

static int add_part(const struct reading *reading, struct part part)
{
	struct rule_message *message = reading->message;

	if (message->part_count == RULE_MESSAGE_PARTS_MAX)
		return err_set(reading->why, ERR_RANGE, "it has more than %d parts",
			       RULE_MESSAGE_PARTS_MAX);
	message->parts[message->part_count++] = part;
	return 0;
}

static int add_text(const struct reading *reading, const char *text, size_t length)
{
	struct part part = {.type = PART_TEXT};

	if (length == 0)
		return 0;
	part.text.data = arena_copy(reading->arena, text, length);
	part.text.length = length;
	return add_part(reading, part);
}

static int unknown_name(const struct reading *reading, struct slice name)
{
	struct bytes known = BYTES_EMPTY;
	int code;

	for (uint32_t i = 0; i < reading->by_count; i++)
		bytes_append_format(&known, "{%s}, ", reading->by[i]);
	for (uint32_t i = 0; i < NAME_COUNT; i++)
		bytes_append_format(&known, "%s{%s}", i > 0 ? ", " : "", names[i].text);
	code = err_set(reading->why, ERR_INVALID, "there is no {%.*s}; allowed: %s",
		       name.length < 40 ? (int)name.length : 40, name.data, known.data);
	bytes_deinit(&known);
	return code;
}

static int add_name(const struct reading *reading, struct slice name)
{
	for (uint32_t i = 0; i < reading->by_count; i++)
		if (slice_equal(name, slice_of(reading->by[i])))
			return add_part(reading, (struct part){.type = PART_FIELD, .field = i});
	for (uint32_t i = 0; i < NAME_COUNT; i++)
		if (slice_equal(name, slice_of(names[i].text)))
			return add_part(reading, (struct part){.type = names[i].type});
	return unknown_name(reading, name);
}

int rule_message_parse(struct arena *arena, const char *text, const char *const *by,
		       uint32_t by_count, struct rule_message **out, struct err_note *why)
{
	struct reading reading = {
		.arena = arena,
		.by = by,
		.by_count = by_count,
		.message = arena_zalloc(arena, sizeof(*reading.message)),
		.why = why,
	};
	const char *at = text;
	int code = 0;

	if (strlen(text) > RULE_MESSAGE_BYTES_MAX)
		return err_set(why, ERR_RANGE, "it has %zu bytes; at most %d are allowed",
			       strlen(text), RULE_MESSAGE_BYTES_MAX);
	while (code == 0 && *at != '\0') {
		size_t length = strcspn(at, "{");
		const char *end;

		/* "{{" is one, and belongs to the text. */
		if (at[length] == '{' && at[length + 1] == '{') {
			code = add_text(&reading, at, length + 1);
			at += length + 2;
			continue;
		}
		code = add_text(&reading, at, length);
		at += length;
		if (code != 0 || *at == '\0')
			break;
		end = strchr(at, '}');
		if (end == NULL)
			return err_set(why, ERR_INVALID,
				       "\"%.40s\" has no closing brace; a brace itself is {{", at);
		code = add_name(&reading, (struct slice){at + 1, (size_t)(end - at) - 1});
		at = end + 1;
	}
	if (code == 0)
		*out = reading.message;
	return code;
}

/* ---- an alert's text ---- */

static void append_number(bool has_number, double number, struct bytes *out)
{
	char text[NUMBER_TEXT_BYTES_MAX];

	if (has_number)
		number_format(number, text);
	bytes_append_text(out, has_number ? text : "-");
}

static void append_or_dash(const char *text, struct bytes *out)
{
	bytes_append_text(out, text != NULL ? text : "-");
}

static void append_field(const struct alert *alert, uint32_t field, struct bytes *out)
{
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(alert->key, values, DIMENSION_FIELDS_MAX);

	if (count <= 0 || field >= (uint32_t)count || values[field].type == VALUE_NIL)
		bytes_append_text(out, "-");
	else
		value_append_text(&values[field], out);
}

/** "30% to 150%", "from 30%". */
static void append_band(const char *lower, const char *upper, struct bytes *out)
{
	if (lower != NULL && upper != NULL)
		bytes_append_format(out, "%s to %s", lower, upper);
	else if (lower != NULL)
		bytes_append_format(out, "from %s", lower);
	else if (upper != NULL)
		bytes_append_format(out, "to %s", upper);
	else
		bytes_append_char(out, '-');
}

/** "same time yesterday 10 (3 to 15: left)", "7-day mean (not enough history)". */
static void append_reference(const struct alert_reference *reference, struct bytes *out)
{
	char value[NUMBER_TEXT_BYTES_MAX], lower[NUMBER_TEXT_BYTES_MAX];
	char upper[NUMBER_TEXT_BYTES_MAX];

	bytes_append_text(out, reference->time);
	if (!reference->has_value) {
		bytes_append_format(out, " (%s)", reference->why);
		return;
	}
	number_format(reference->value, value);
	number_format(reference->lower, lower);
	number_format(reference->upper, upper);
	bytes_append_format(out, " %s (", value);
	append_band(reference->has_lower ? lower : NULL, reference->has_upper ? upper : NULL, out);
	bytes_append_format(out, ": %s)", reference->place);
}

static void append_references(const struct alert_baseline *baseline, struct bytes *out)
{
	if (baseline->reference_count == 0) {
		bytes_append_format(out, "%s ", baseline->time);
		append_number(true, baseline->value, out);
	}
	for (uint32_t i = 0; i < baseline->reference_count; i++) {
		if (i > 0)
			bytes_append_text(out, ", ");
		append_reference(&baseline->references[i], out);
	}
}

static void append_baseline(enum part_type type, const struct alert_baseline *baseline,
			    struct bytes *out)
{
	if (baseline == NULL)
		bytes_append_char(out, '-');
	else if (type == PART_BASELINE)
		append_number(true, baseline->value, out);
	else if (type == PART_BASELINE_TIME)
		append_or_dash(baseline->time, out);
	else if (type == PART_BAND)
		append_band(baseline->lower, baseline->upper, out);
	else
		append_references(baseline, out);
}

static void append_part(const struct part *part, const struct alert *alert, struct bytes *out)
{
	char text[SPAN_TEXT_BYTES_MAX];

	switch (part->type) {
	case PART_TEXT: bytes_append_slice(out, part->text); break;
	case PART_FIELD: append_field(alert, part->field, out); break;
	case PART_VALUE: append_number(alert->has_value, alert->value, out); break;
	case PART_COUNT: bytes_append_format(out, "%" PRIu64, alert->count); break;
	case PART_THRESHOLD: append_or_dash(alert->threshold, out); break;
	case PART_SEVERITY: append_or_dash(alert->severity, out); break;
	case PART_STATE: bytes_append_text(out, alert_state_name(alert->state)); break;
	case PART_RULE: append_or_dash(alert->rule, out); break;
	case PART_TITLE: append_or_dash(alert->title, out); break;
	case PART_WINDOW:
		span_format(alert->window_ms, text, sizeof(text));
		bytes_append_text(out, text);
		break;
	case PART_BASELINE:
	case PART_BASELINE_TIME:
	case PART_BAND:
	case PART_REFERENCES: append_baseline(part->type, alert->baseline, out); break;
	}
}

void rule_message_append(const struct rule_message *message, const struct alert *alert,
			 struct bytes *out)
{
	for (uint32_t i = 0; i < message->part_count; i++)
		append_part(&message->parts[i], alert, out);
}
