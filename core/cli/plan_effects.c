#include "core/cli/plan_effects.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/printable.h"
#include "core/model/timestamp.h"
#include "core/plan/action.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_json.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES_MAX = 300, ACTION_WIDTH = 12, STEP_WIDTH = 17 };

/* ---- names of steps ---- */

char *plan_effects_step(const char *key)
{
	const char *step = strchr(key, '/');
	step = step ? step + 1 : key;
	if (step[0] == '?')
		step++;
	const char *occurrence = strrchr(step, '#');
	const char *end = occurrence ? strchr(occurrence, '+') : NULL;
	return mem_copy_bytes(step, end ? (size_t)(end - step) : strlen(step));
}

bool plan_effects_is_step(const char *step, const char *wanted)
{
	const char *id = strrchr(step, '/');
	id = id ? id + 1 : step;
	size_t length = strcspn(id, "#");
	return strcmp(step, wanted) == 0 ||
	       (strlen(wanted) == length && strncmp(id, wanted, length) == 0);
}

/* ---- rows ---- */

struct listing {
	json_t *rows;
	const char *run;
	int64_t begin_ms;
	json_t *steps; /**< StepScheduled of each step, with the arguments of a retry */
};

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : "";
}

static json_t *add_row(struct listing *listing, const json_t *record, const char *kind)
{
	json_t *row = json_object();
	int64_t time_ms = json_integer_value(json_object_get(record, "time_ms"));
	char time[TIMESTAMP_TEXT_BYTES_MAX];
	timestamp_format(time_ms, time);
	json_object_set_new(row, "at_ms", json_integer(time_ms - listing->begin_ms));
	json_object_set_new(row, "time", json_string(time));
	json_object_set_new(row, "run", json_string(listing->run));
	json_object_set_new(row, "kind", json_string(kind));
	if (json_object_get(record, "step"))
		json_object_set(row, "step", json_object_get(record, "step"));
	json_array_append_new(listing->rows, row);
	return row;
}

static void copy(json_t *row, const json_t *from, const char *const *names)
{
	for (int i = 0; names[i]; i++) {
		json_t *value = json_object_get(from, names[i]);
		if (value)
			json_object_set(row, names[i], value);
	}
}

static void add_effect(struct listing *listing, const json_t *record)
{
	static const char *const names[] = {"action", "effect", "args", NULL};
	const json_t *step = json_object_get(listing->steps, text_of(record, "step"));
	json_t *row = add_row(listing, record, "effect");
	struct bytes text = BYTES_EMPTY;
	char *args = plan_json_text(json_object_get(step, "args"));
	copy(row, step, names);
	json_object_set(row, "try", json_object_get(record, "attempt"));
	plan_action_describe(text_of(step, "action"), args, &text);
	json_object_set_new(row, "text", plan_json_clean(bytes_slice(&text), SIZE_MAX));
	bytes_deinit(&text);
	mem_free(args);
}

static void on_operator(struct listing *listing, const json_t *record)
{
	json_t *step = json_object_get(listing->steps, text_of(record, "step"));
	json_t *args = json_object_get(record, "args");
	if (step && args)
		json_object_set(step, "args", args);
}

static void add_ended(struct listing *listing, const json_t *record)
{
	static const char *const names[] = {"result", "error", NULL};
	json_t *row = add_row(listing, record, "ended");
	json_object_set(row, "state", json_object_get(record, "text"));
	copy(row, record, names);
}

static void add_asked(struct listing *listing, const json_t *record)
{
	static const char *const names[] = {"text", "who", "quorum", NULL};
	copy(add_row(listing, record, "asked"), json_object_get(record, "args"), names);
}

static void add_received(struct listing *listing, const json_t *record, const char *kind)
{
	static const char *const names[] = {"approved", "value",   "actor",   "reason",
					    "expired",  "timeout", "skipped", NULL};
	copy(add_row(listing, record, kind), json_object_get(record, "result"), names);
}

static void add_error(struct listing *listing, const json_t *record, const char *kind)
{
	static const char *const names[] = {"error", "final", NULL};
	copy(add_row(listing, record, kind), record, names);
}

static void on_record(void *arg, struct slice text)
{
	struct listing *listing = arg;
	json_t *record = json_loadb(text.data, text.length, 0, NULL);
	const char *type = text_of(record, "type");
	if (strcmp(type, "StepScheduled") == 0)
		json_object_set(listing->steps, text_of(record, "step"), record);
	else if (strcmp(type, "StepAttempt") == 0)
		add_effect(listing, record);
	else if (strcmp(type, "StepFailed") == 0)
		add_error(listing, record, "failed");
	else if (strcmp(type, "StepProbed") == 0)
		add_row(listing, record, "probed");
	else if (strcmp(type, "StepInDoubt") == 0)
		add_error(listing, record, "doubt");
	else if (strcmp(type, "AskOpened") == 0)
		add_asked(listing, record);
	else if (strcmp(type, "AskVoted") == 0 || strcmp(type, "AskAnswered") == 0)
		add_received(listing, record, "answered");
	else if (strcmp(type, "SignalAwaited") == 0)
		add_row(listing, record, "awaited");
	else if (strcmp(type, "SignalReceived") == 0)
		add_received(listing, record, "received");
	else if (strcmp(type, "Operator") == 0)
		on_operator(listing, record);
	else if (strcmp(type, "RunEnded") == 0)
		add_ended(listing, record);
	json_decref(record);
}

struct run_names {
	char **names;
	uint32_t count;
};

static void on_run(void *arg, const struct run_summary *run)
{
	struct run_names *list = arg;
	list->names = mem_grow(list->names, list->count + 1, sizeof(*list->names));
	list->names[list->count++] = mem_copy_text(run->id);
}

static json_int_t at_of(const json_t *row)
{
	return json_integer_value(json_object_get(row, "at_ms"));
}

struct place {
	json_t *row;
	size_t index;
};

static int compare(const void *a, const void *b)
{
	const struct place *one = a, *other = b;
	json_int_t one_ms = at_of(one->row), other_ms = at_of(other->row);
	if (one_ms != other_ms)
		return one_ms < other_ms ? -1 : 1;
	return one->index < other->index ? -1 : 1;
}

/** What happened in one millisecond stays in the order of its journal. */
static json_t *sorted(json_t *rows)
{
	size_t count = json_array_size(rows);
	struct place *places = mem_alloc_array(count + 1, sizeof(*places));
	json_t *out = json_array();
	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){json_array_get(rows, i), i};
	qsort(places, count, sizeof(*places), compare);
	for (size_t i = 0; i < count; i++)
		json_array_append(out, places[i].row);
	mem_free(places);
	json_decref(rows);
	return out;
}

json_t *plan_effects_list(const struct plan_engine *engine, int64_t begin_ms)
{
	struct run_names runs = {0};
	struct listing listing = {.rows = json_array(), .begin_ms = begin_ms};
	plan_engine_each_run(engine, false, on_run, &runs);
	for (uint32_t i = 0; i < runs.count; i++) {
		listing.run = runs.names[i];
		listing.steps = json_object();
		/* A journal in memory is read as it was written. */
		plan_engine_each_record(engine, runs.names[i], on_record, &listing, NULL);
		json_decref(listing.steps);
		mem_free(runs.names[i]);
	}
	mem_free(runs.names);
	return runs.count > 1 ? sorted(listing.rows) : listing.rows;
}

/* ---- for people ---- */

void plan_effects_append_time(int64_t at_ms, struct bytes *out)
{
	int64_t s = at_ms / 1000, ms = at_ms % 1000;
	bytes_append_char(out, '+');
	if (s >= 86400)
		bytes_append_format(out, "%lldd", (long long)(s / 86400));
	if (s % 86400 >= 3600)
		bytes_append_format(out, "%lldh", (long long)(s % 86400 / 3600));
	if (s % 3600 >= 60)
		bytes_append_format(out, "%lldm", (long long)(s % 3600 / 60));
	if (ms > 0)
		bytes_append_format(out, "%lld.%03llds", (long long)(s % 60), (long long)ms);
	else if (s % 60 > 0 || s == 0)
		bytes_append_format(out, "%llds", (long long)(s % 60));
}

/** One line of at most SHOWN_BYTES_MAX bytes that a terminal does not obey. */
static void append_text(struct bytes *out, const char *text)
{
	size_t length = strlen(text);
	if (length > SHOWN_BYTES_MAX) {
		length = SHOWN_BYTES_MAX;
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
	}
	char *cut = mem_copy_bytes(text, length);
	printable_append(out, cut, false);
	if (text[length] != '\0')
		bytes_append_text(out, "…");
	mem_free(cut);
}

static void append_value(struct bytes *out, const char *before, const json_t *row, const char *name)
{
	const json_t *value = json_object_get(row, name);
	if (!value || json_is_null(value) || (json_is_string(value) && !text_of(row, name)[0]))
		return;
	bytes_append_text(out, before);
	if (json_is_string(value)) {
		append_text(out, json_string_value(value));
		return;
	}
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	append_text(out, text ? text : "");
	free(text);
}

/** Names with other letters may stand out by a little. */
static void pad(struct bytes *out, size_t width)
{
	while (out->length < width)
		bytes_append_char(out, ' ');
}

static void append_answer(const json_t *row, struct bytes *out)
{
	if (json_is_true(json_object_get(row, "expired")))
		bytes_append_text(out, "nobody answers in time: ");
	bytes_append_text(out, json_is_false(json_object_get(row, "approved")) ? "rejected"
									       : "approved");
	append_value(out, " with ", row, "value");
	append_value(out, " by ", row, "actor");
	append_value(out, ": ", row, "reason");
}

void plan_effects_append(const json_t *row, struct bytes *out)
{
	const char *kind = text_of(row, "kind");
	json_int_t try = json_integer_value(json_object_get(row, "try"));
	append_text(out, strcmp(kind, "effect") == 0 ? text_of(row, "action") : kind);
	pad(out, ACTION_WIDTH);
	append_value(out, " ", row, "step");
	if (strcmp(kind, "awaited") == 0 || strcmp(kind, "probed") == 0)
		return;
	pad(out, ACTION_WIDTH + STEP_WIDTH);
	bytes_append_char(out, ' ');
	if (strcmp(kind, "effect") == 0) {
		append_text(out, text_of(row, "text"));
		append_value(out, "  (", row, "effect");
		if (try > 1)
			bytes_append_format(out, ", try %lld", (long long)try);
		bytes_append_char(out, ')');
	} else if (strcmp(kind, "answered") == 0) {
		append_answer(row, out);
	} else if (strcmp(kind, "received") == 0) {
		bool is_late = json_is_true(json_object_get(row, "timeout"));
		bytes_append_text(out, is_late ? "nobody sends it in time" : "it comes");
		append_value(out, " with ", row, "value");
	} else if (strcmp(kind, "ended") == 0) {
		append_value(out, "", row, "state");
		append_value(out, ": ", row, "error");
		append_value(out, ": ", row, "result");
	} else {
		append_value(out, "", row, "text");
		append_value(out, "", row, "error");
	}
}
