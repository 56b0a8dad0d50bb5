#include "core/channel/message.h"

#include "core/base/mem.h"
#include "core/base/number.h"

#include <jansson.h>

#include <string.h>

/* Whatever the row is, it becomes one flat object of texts: `flat`. The row's own objects stay
 * beside it for templates that ask for `incident.X`, `alert.X` or `labels.X`; their texts are put
 * into `flat` when they are first asked for. */
struct message_fields {
	json_t *row;
	json_t *flat;
	const json_t *incident, *alert; /* of the row, or NULL */
};

enum { ALERT_LINES_MAX = 20 };

/* ---- values as texts ---- */

/** Control characters would be line ends, fields or tags of their own somewhere on the way. */
static char *clean_text(const char *text, size_t length)
{
	char *clean = mem_copy_bytes(text, length);

	for (size_t i = 0; i < length; i++)
		if (((unsigned char)clean[i] < ' ' && clean[i] != '\n' && clean[i] != '\t') ||
		    clean[i] == 0x7f)
			clean[i] = ' ';
	return clean;
}

static void append_value(struct bytes *out, const json_t *value);

/** {"a": "x", "b": 1} as "a=x, b=1". */
static void append_pairs(struct bytes *out, const json_t *object)
{
	const char *key;
	json_t *value;
	bool is_first = true;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		bytes_append_format(out, "%s%s=", is_first ? "" : ", ", key);
		append_value(out, value);
		is_first = false;
	}
}

static void append_list(struct bytes *out, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i > 0)
			bytes_append_text(out, ", ");
		append_value(out, json_array_get(list, i));
	}
}

static void append_value(struct bytes *out, const json_t *value)
{
	char number[NUMBER_TEXT_BYTES_MAX];

	switch (json_typeof(value)) {
	case JSON_STRING:
		bytes_append(out, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		bytes_append_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		number_format(json_real_value(value), number);
		bytes_append_text(out, number);
		break;
	case JSON_TRUE: bytes_append_text(out, "true"); break;
	case JSON_FALSE: bytes_append_text(out, "false"); break;
	case JSON_NULL: break;
	case JSON_OBJECT: append_pairs(out, value); break;
	case JSON_ARRAY: append_list(out, value); break;
	}
}

static void put_bytes(json_t *flat, const char *name, const char *text, size_t length)
{
	char *clean;

	if (length == 0)
		return;
	clean = clean_text(text, length);
	json_object_set_new(flat, name, json_string(clean));
	mem_free(clean);
}

static void put_text(json_t *flat, const char *name, const char *text)
{
	put_bytes(flat, name, text, strlen(text));
}

/** Keeps what is there already: the maker's own words come first. */
static void put_value(json_t *flat, const char *name, const json_t *value)
{
	struct bytes text = BYTES_EMPTY;

	if (value == NULL || json_is_null(value) || json_object_get(flat, name) != NULL)
		return;
	append_value(&text, value);
	put_bytes(flat, name, text.data, text.length);
	bytes_deinit(&text);
}

/* ---- the kinds of rows ---- */

struct source_name {
	const char *field;
	const char *names[3]; /* in the row, the first that is there */
};

static void put_from(json_t *flat, const json_t *object, const struct source_name *sources,
		     size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < 3 && sources[i].names[n] != NULL; n++)
			put_value(flat, sources[i].field,
				  json_object_get(object, sources[i].names[n]));
}

#define PUT_FROM(flat, object, sources)                                                            \
	put_from(flat, object, sources, sizeof(sources) / sizeof((sources)[0]))

static const struct source_name own_names[] = {
	{"title", {"title"}},
	{"text", {"text"}},
	{"url", {"url"}},
	{"recipient", {"recipient"}},
};

static const struct source_name incident_names[] = {
	{"title", {"title"}},       {"text", {"message"}},      {"severity", {"severity"}},
	{"priority", {"priority"}}, {"state", {"state"}},       {"incident", {"number"}},
	{"rule", {"rule"}},         {"category", {"category"}}, {"key", {"dimension"}},
	{"owner", {"owner"}},
};

/** A document's own keys in both languages, then its envelope (core/model/alert.c). */
static const struct source_name alert_names[] = {
	{"title", {"名称", "name", "rule"}},
	{"text", {"message"}},
	{"severity", {"severity"}},
	{"state", {"state"}},
	{"rule", {"rule"}},
	{"category", {"category"}},
	{"key", {"dimension"}},
	{"value", {"统计值", "value"}},
	{"threshold", {"告警阈值", "threshold"}},
	{"count", {"事件数", "count"}},
	{"window", {"时间范围", "window"}},
	{"time", {"告警时间", "alert_time"}},
};

static void put_event(json_t *flat, const char *event)
{
	json_object_set_new(flat, "event", json_string(event));
}

static void read_message(struct message_fields *fields)
{
	put_value(fields->flat, "event", json_object_get(fields->row, "event"));
	PUT_FROM(fields->flat, fields->row, own_names);
	if (fields->incident != NULL)
		PUT_FROM(fields->flat, fields->incident, incident_names);
	if (fields->alert != NULL)
		PUT_FROM(fields->flat, fields->alert, alert_names);
}

static void read_alert(struct message_fields *fields)
{
	put_event(fields->flat, "alert");
	fields->alert = fields->row;
	PUT_FROM(fields->flat, fields->row, alert_names);
}

/** One line for each alert of a group, the newest last. */
static void read_alerts(struct message_fields *fields)
{
	static const struct source_name names[] = {
		{"severity", {"severity"}}, {"state", {"state"}}, {"key", {"by"}}};
	const json_t *list = json_object_get(fields->row, "alerts");
	struct bytes text = BYTES_EMPTY;

	put_event(fields->flat, "alerts");
	PUT_FROM(fields->flat, fields->row, names);
	put_value(fields->flat, "alert_count", json_object_get(fields->row, "alert_count"));
	for (size_t i = 0; i < json_array_size(list) && i < ALERT_LINES_MAX; i++) {
		json_t *flat = json_object();
		const char *key;

		PUT_FROM(flat, json_array_get(list, i), alert_names);
		key = json_string_value(json_object_get(flat, "key"));
		bytes_append_format(&text, "%s%s %s%s%s%s", i > 0 ? "\n" : "",
				    json_string_value(json_object_get(flat, "state")),
				    json_string_value(json_object_get(flat, "title")),
				    key != NULL ? " (" : "", key != NULL ? key : "",
				    key != NULL ? ")" : "");
		json_decref(flat);
	}
	if (json_array_size(list) > ALERT_LINES_MAX)
		bytes_append_format(&text, "\n+ %zu", json_array_size(list) - ALERT_LINES_MAX);
	put_bytes(fields->flat, "text", text.data, text.length);
	bytes_deinit(&text);
}

/** notify.send of a plan: {to, text, id, incident}. */
static void read_plan(struct message_fields *fields)
{
	const char *text = json_string_value(json_object_get(fields->row, "text"));
	const char *end = strchr(text, '\n');

	put_event(fields->flat, "plan");
	PUT_FROM(fields->flat, fields->row, own_names);
	if (json_integer_value(json_object_get(fields->row, "incident")) > 0)
		put_value(fields->flat, "incident", json_object_get(fields->row, "incident"));
	if (json_object_get(fields->flat, "title") != NULL)
		return;
	/* Its first line is the title; a text of one line has no other. */
	put_bytes(fields->flat, "title", text, end != NULL ? (size_t)(end - text) : strlen(text));
	json_object_del(fields->flat, "text");
	if (end != NULL)
		put_text(fields->flat, "text", end + 1);
}

static void read_other(struct message_fields *fields, struct slice row)
{
	put_event(fields->flat, "notice");
	put_text(fields->flat, "title", "Tocsin");
	put_bytes(fields->flat, "text", row.data, row.length);
}

static void read_row(struct message_fields *fields, struct slice row)
{
	const json_t *incident = json_object_get(fields->row, "incident");
	const json_t *alert = json_object_get(fields->row, "alert");

	fields->incident = json_is_object(incident) ? incident : NULL;
	fields->alert = json_is_object(alert) ? alert : NULL;
	if (json_is_string(json_object_get(fields->row, "event")))
		read_message(fields);
	else if (json_is_array(json_object_get(fields->row, "alerts")))
		read_alerts(fields);
	else if (json_is_string(json_object_get(fields->row, "rule")) &&
		 json_is_string(json_object_get(fields->row, "state")))
		read_alert(fields);
	else if (json_is_string(json_object_get(fields->row, "text")))
		read_plan(fields);
	else
		read_other(fields, row);
}

/* ---- what follows from the rest ---- */

static void put_state_words(json_t *flat)
{
	static const struct {
		const char *state, *en, *zh;
	} words[] = {
		{"firing", "firing", "触发"},         {"resolved", "resolved", "恢复"},
		{"nodata", "no data", "无数据"},      {"open", "open", "待响应"},
		{"acked", "acknowledged", "已响应"},  {"handling", "in hand", "处理中"},
		{"mitigated", "mitigated", "已止损"}, {"closed", "closed", "已关闭"},
		{"cancelled", "cancelled", "已取消"}, {"merged", "merged", "已合并"},
	};
	const char *state = json_string_value(json_object_get(flat, "state"));

	for (size_t i = 0; state != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(state, words[i].state) != 0)
			continue;
		put_text(flat, "state_en", words[i].en);
		put_text(flat, "state_zh", words[i].zh);
		return;
	}
	if (state != NULL) {
		put_text(flat, "state_en", state);
		put_text(flat, "state_zh", state);
	}
}

/** "[P1] " or "[critical] ": what stands before a title. */
static void put_badge(json_t *flat)
{
	const json_t *level = json_object_get(flat, "priority");
	char *badge;

	if (level == NULL)
		level = json_object_get(flat, "severity");
	if (level == NULL)
		return;
	badge = mem_format("[%s] ", json_string_value(level));
	put_text(flat, "badge", badge);
	mem_free(badge);
}

struct message_fields *message_fields_new(struct slice row, const char *id)
{
	struct message_fields *fields = mem_alloc(sizeof(*fields));

	fields->row = json_loadb(row.data, row.length, JSON_ALLOW_NUL, NULL);
	fields->flat = json_object();
	read_row(fields, row);
	if (id != NULL)
		put_text(fields->flat, "id", id);
	put_state_words(fields->flat);
	put_badge(fields->flat);
	return fields;
}

void message_fields_free(struct message_fields *fields)
{
	if (fields == NULL)
		return;
	json_decref(fields->row);
	json_decref(fields->flat);
	mem_free(fields);
}

struct message_fields *message_fields_with(const struct message_fields *fields, const char *text,
					   const char *recipient)
{
	struct message_fields *copy = mem_alloc(sizeof(*copy));

	*copy = *fields;
	json_incref(copy->row);
	copy->flat = json_copy(fields->flat);
	json_object_del(copy->flat, "text");
	json_object_del(copy->flat, "recipient");
	put_text(copy->flat, "text", text);
	put_text(copy->flat, "recipient", recipient);
	return copy;
}

/** `incident.owner`: asked for once, then one of the flat texts. */
static void put_nested(const struct message_fields *fields, const char *name)
{
	const json_t *object = NULL;
	const char *rest = strchr(name, '.') + 1;

	if (strncmp(name, "incident.", 9) == 0)
		object = fields->incident;
	else if (strncmp(name, "alert.", 6) == 0)
		object = fields->alert;
	else if (strncmp(name, "labels.", 7) == 0)
		object = json_object_get(
			fields->incident != NULL ? fields->incident : fields->alert, "labels");
	put_value(fields->flat, name, json_object_get(object, rest));
}

const char *message_field(const struct message_fields *fields, const char *name)
{
	const char *text;

	if (strchr(name, '.') != NULL)
		put_nested(fields, name);
	text = json_string_value(json_object_get(fields->flat, name));
	return text != NULL ? text : "";
}

const char *message_language(const struct message_fields *fields)
{
	return json_string_value(json_object_get(fields->row, "language"));
}

uint64_t message_incident(const struct message_fields *fields)
{
	int64_t number = 0;

	if (number_parse_int(slice_of(message_field(fields, "incident")), &number) != 0)
		return 0;
	return number > 0 ? (uint64_t)number : 0;
}

bool message_is_page(const struct message_fields *fields)
{
	return json_is_object(json_object_get(fields->row, "page"));
}
