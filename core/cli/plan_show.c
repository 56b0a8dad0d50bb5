#include "core/cli/plan_show.h"

#include "core/base/mem.h"
#include "core/base/printable.h"
#include "core/base/short_numbers.h"
#include "core/cli/remote.h"
#include "core/plan/action.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES_MAX = 300 /**< of one value: --json has all of it */, STEP_WIDTH = 16 };

static const char *text_of(const json_t *record, const char *name)
{
	return json_string_value(json_object_get(record, name));
}

/** Cut between two characters. */
static void append_cut(struct bytes *out, const char *text)
{
	size_t length = strlen(text);
	if (length > SHOWN_BYTES_MAX) {
		length = SHOWN_BYTES_MAX;
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
	}
	bytes_append(out, text, length);
	if (text[length] != '\0')
		bytes_append_text(out, "…");
}

static void append_json(struct bytes *out, const json_t *value)
{
	struct bytes number = BYTES_EMPTY;
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	short_numbers_append(&number, slice_of(text ? text : "null"));
	append_cut(out, number.data);
	bytes_deinit(&number);
	free(text);
}

/** " before VALUE", unless the member is absent, null or empty. */
static void append_member(struct bytes *out, const char *before, const json_t *object,
			  const char *name)
{
	const json_t *value = json_object_get(object, name);
	bool is_empty = json_is_object(value) && json_object_size(value) == 0;
	if (!value || json_is_null(value) || is_empty)
		return;
	bytes_append_text(out, before);
	if (json_is_string(value))
		append_cut(out, json_string_value(value));
	else
		append_json(out, value);
}

/** "12:00:00.123" of "2026-11-22T12:00:00.123Z". */
static void append_clock(struct bytes *out, const char *before, const json_t *record,
			 const char *name)
{
	const char *time = text_of(record, name);
	const char *clock = time ? strchr(time, 'T') : NULL;
	if (!clock)
		return;
	size_t length = strcspn(clock + 1, "Z");
	bytes_append_format(out, "%s%.*s", before, (int)length, clock + 1);
}

/** Who did it, who brought it, and why. */
static void append_person(struct bytes *out, const json_t *record)
{
	const char *reason = text_of(record, "reason");
	append_member(out, " by ", record, "actor");
	append_member(out, " via ", record, "via");
	if (reason && reason[0] && strcmp(reason, "by hand") != 0)
		append_member(out, ": ", record, "reason");
}

/** The error, or that a person skipped it; false when there is more to say. */
static bool append_end(struct bytes *out, const json_t *record)
{
	const json_t *result = json_object_get(record, "result");
	if (json_object_get(record, "error")) {
		append_member(out, "failed: ", record, "error");
		return true;
	}
	if (!json_is_true(json_object_get(result, "skipped")))
		return false;
	bytes_append_text(out, "skipped");
	return true;
}

static void tell_run_started(const json_t *record, struct bytes *out)
{
	append_member(out, "plan ", record, "text");
	append_member(out, " version ", record, "version");
	bytes_append_text(out, " starts");
	append_member(out, " for incident ", record, "incident");
	append_member(out, " by ", record, "actor");
	append_member(out, ", with ", record, "params");
	append_member(out, ": ", record, "reason");
}

static void tell_scheduled(const json_t *record, struct bytes *out)
{
	struct bytes line = BYTES_EMPTY;
	char *args = json_dumps(json_object_get(record, "args"), JSON_COMPACT | JSON_SORT_KEYS);
	const char *action = text_of(record, "action");
	plan_action_describe(action ? action : "?", args, &line);
	append_cut(out, line.length > 0 ? line.data : "");
	append_member(out, "  [", record, "effect");
	bytes_append_text(out, json_object_get(record, "effect") ? "]" : "");
	bytes_deinit(&line);
	free(args);
}

static void tell_attempt(const json_t *record, struct bytes *out)
{
	append_member(out, "try ", record, "attempt");
}

static void tell_done(const json_t *record, struct bytes *out)
{
	if (append_end(out, record))
		return;
	bytes_append_text(out, "done");
	append_member(out, ": ", record, "result");
}

static void tell_failed(const json_t *record, struct bytes *out)
{
	if (append_end(out, record) && !json_is_true(json_object_get(record, "final")))
		append_clock(out, "; next try at ", record, "due");
}

static void tell_in_doubt(const json_t *record, struct bytes *out)
{
	bool has_failed = json_is_true(json_object_get(record, "final"));
	append_member(out, has_failed ? "FAILED: " : "IN DOUBT: ", record, "error");
	bytes_append_text(out, has_failed ? "; retry, set or skip it"
					  : "; approve if it happened, reject if it did not");
}

static void tell_probed(const json_t *record, struct bytes *out)
{
	append_member(out, "the target was asked: ", record, "text");
	append_member(out, ": ", record, "error");
	append_clock(out, "; asked again at ", record, "due");
}

static void tell_timer_set(const json_t *record, struct bytes *out)
{
	append_clock(out, "sleeps until ", record, "due");
}

static void tell_timer_fired(const json_t *record, struct bytes *out)
{
	json_int_t late_ms = json_integer_value(json_object_get(record, "late_by_ms"));
	if (append_end(out, record))
		return;
	bytes_append_text(out, "goes on");
	if (late_ms >= 1000)
		bytes_append_format(out, ", %lld s late", (long long)late_ms / 1000);
}

static void tell_asked(const json_t *record, struct bytes *out)
{
	const json_t *args = json_object_get(record, "args");
	append_member(out, "asks: ", args, "text");
	append_member(out, "  of ", args, "who");
	append_member(out, ", quorum ", args, "quorum");
	append_clock(out, ", until ", record, "due");
}

static void tell_voted(const json_t *record, struct bytes *out)
{
	bytes_append_text(out, "one vote: approved");
	append_member(out, " with ", json_object_get(record, "result"), "value");
	append_person(out, record);
}

static void tell_answered(const json_t *record, struct bytes *out)
{
	const json_t *result = json_object_get(record, "result");
	if (append_end(out, record))
		return;
	if (json_is_true(json_object_get(result, "expired")))
		bytes_append_text(out, "nobody answered in time: ");
	bytes_append_text(out, json_is_true(json_object_get(result, "approved")) ? "approved"
										 : "rejected");
	append_member(out, " with ", result, "value");
	append_person(out, record);
}

static void tell_awaited(const json_t *record, struct bytes *out)
{
	append_member(out, "waits for the signal ", record, "action");
	append_clock(out, ", until ", record, "due");
}

static void tell_signal_sent(const json_t *record, struct bytes *out)
{
	append_member(out, "signal ", record, "id");
	append_member(out, " with ", json_object_get(record, "result"), "value");
	append_person(out, record);
}

static void tell_signal_received(const json_t *record, struct bytes *out)
{
	const json_t *result = json_object_get(record, "result");
	if (append_end(out, record))
		return;
	bool is_late = json_is_true(json_object_get(result, "timeout"));
	bytes_append_text(out, is_late ? "no signal came in time" : "the signal is here");
	append_member(out, " with ", result, "value");
}

static void tell_child_started(const json_t *record, struct bytes *out)
{
	append_member(out, "calls plan ", record, "action");
	append_member(out, ": run ", record, "child");
	append_clock(out, ", until ", record, "due");
}

static void tell_child_ended(const json_t *record, struct bytes *out)
{
	const json_t *result = json_object_get(record, "result");
	if (append_end(out, record))
		return;
	append_member(out, "run ", record, "child");
	append_member(out, " is ", result, "state");
	append_member(out, ", result ", result, "result");
}

static void tell_lock_awaited(const json_t *record, struct bytes *out)
{
	append_member(out, "wants the lock ", record, "action");
	append_clock(out, ", waits until ", record, "due");
}

static void tell_lock_taken(const json_t *record, struct bytes *out)
{
	if (append_end(out, record))
		return;
	append_member(out, "holds the lock ", record, "action");
	append_member(out, ", fence ", record, "fence");
	append_clock(out, ", until ", record, "due");
}

static void tell_lock_freed(const json_t *record, struct bytes *out)
{
	bool was_held = json_is_true(json_object_get(json_object_get(record, "result"), "held"));
	append_member(out, "gives back the lock ", record, "action");
	bytes_append_text(out, was_held ? "" : ", whose lease was over");
}

static void tell_value(const json_t *record, struct bytes *out)
{
	if (!append_end(out, record))
		append_member(out, "is ", record, "result");
}

static void tell_branches(const json_t *record, struct bytes *out)
{
	const json_t *args = json_object_get(record, "args");
	bytes_append_text(out, "branches");
	append_member(out, ", ", args, "mode");
	append_member(out, ": ", args, "names");
	append_member(out, ": ", args, "count");
}

static void tell_choice(const json_t *record, struct bytes *out)
{
	if (append_end(out, record))
		return;
	bytes_append_text(out, "the branches have ended");
	append_member(out, ", won by ", record, "winner");
	append_member(out, ", in the order ", record, "order");
}

static void tell_migrated(const json_t *record, struct bytes *out)
{
	append_member(out, "goes on with version ", record, "version");
	append_person(out, record);
}

static void tell_operator(const json_t *record, struct bytes *out)
{
	append_member(out, "", record, "text");
	append_member(out, " with ", record, "args");
	append_person(out, record);
}

static void tell_run_ended(const json_t *record, struct bytes *out)
{
	append_member(out, "the run has ended: ", record, "text");
	append_member(out, ": ", record, "error");
	append_member(out, ", result ", record, "result");
}

static const struct teller {
	const char *type;
	void (*tell)(const json_t *record, struct bytes *out);
} tellers[] = {
	{"RunStarted", tell_run_started},
	{"StepScheduled", tell_scheduled},
	{"StepAttempt", tell_attempt},
	{"StepDone", tell_done},
	{"StepFailed", tell_failed},
	{"StepInDoubt", tell_in_doubt},
	{"StepProbed", tell_probed},
	{"TimerSet", tell_timer_set},
	{"TimerFired", tell_timer_fired},
	{"AskOpened", tell_asked},
	{"AskVoted", tell_voted},
	{"AskAnswered", tell_answered},
	{"SignalAwaited", tell_awaited},
	{"SignalSent", tell_signal_sent},
	{"Value", tell_value},
	{"ChildStarted", tell_child_started},
	{"ChildEnded", tell_child_ended},
	{"LockAwaited", tell_lock_awaited},
	{"LockTaken", tell_lock_taken},
	{"LockFreed", tell_lock_freed},
	{"SignalReceived", tell_signal_received},
	{"BranchesOpened", tell_branches},
	{"Choice", tell_choice},
	{"Migrated", tell_migrated},
	{"Operator", tell_operator},
	{"RunEnded", tell_run_ended},
};

/** A type that nobody has put into words: all of it. */
static void tell_unknown(const json_t *record, struct bytes *out)
{
	json_t *rest = json_copy((json_t *)(uintptr_t)record);
	append_member(out, "", record, "type");
	json_object_del(rest, "type");
	json_object_del(rest, "seq");
	json_object_del(rest, "time");
	json_object_del(rest, "step");
	json_object_del(rest, "scope");
	json_object_del(rest, "hash");
	bytes_append_char(out, ' ');
	append_json(out, rest);
	json_decref(rest);
}

void plan_show_record(const json_t *record, struct bytes *out)
{
	const char *type = text_of(record, "type");
	void (*tell)(const json_t *, struct bytes *) = tell_unknown;
	for (size_t i = 0; type && i < sizeof(tellers) / sizeof(tellers[0]); i++) {
		if (strcmp(tellers[i].type, type) == 0)
			tell = tellers[i].tell;
	}
	tell(record, out);
}

/** Two columns for each branch that it is in. */
static int depth_of(const json_t *record)
{
	const char *scope = text_of(record, "scope");
	int depth = scope ? 1 : 0;
	for (; scope && *scope; scope++)
		depth += *scope == '/' ? 1 : 0;
	return depth < 8 ? 2 * depth : 16;
}

void plan_show_print_record(const json_t *record, char *day)
{
	struct bytes line = BYTES_EMPTY, shown = BYTES_EMPTY, clock = BYTES_EMPTY;
	const char *time = text_of(record, "time"), *step = text_of(record, "step");
	if (time && strlen(time) >= 10 && strncmp(time, day, 10) != 0) {
		snprintf(day, 11, "%.10s", time);
		printf("%s\n", day);
	}
	append_clock(&clock, "", record, "time");
	bytes_append_format(&line, "%*s%-*s  ", depth_of(record), "", STEP_WIDTH, step ? step : "");
	plan_show_record(record, &line);
	printable_append(&shown, line.data, false);
	printf("  %-12s  %s\n", clock.length > 0 ? clock.data : "-", shown.data);
	bytes_deinit(&clock);
	bytes_deinit(&line);
	bytes_deinit(&shown);
}

static void print_head(const json_t *run, const char *title, const char *name)
{
	printf("%-10s ", title);
	remote_print_value(json_object_get(run, name));
	putchar('\n');
}

void plan_show_print(const json_t *run)
{
	static const char *const head[][2] = {{"run", "id"},          {"plan", "plan"},
					      {"version", "version"}, {"incident", "incident"},
					      {"state", "state"},     {"waits for", "waiting_for"},
					      {"error", "error"},     {"started", "started"},
					      {"ended", "ended"}};
	char day[11] = "";
	size_t index;
	const json_t *record;
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
		bool is_told = !json_is_null(json_object_get(run, head[i][1]));
		if (is_told || i <= 4)
			print_head(run, head[i][0], head[i][1]);
	}
	printf("\njournal\n");
	json_array_foreach(json_object_get(run, "journal"), index, record)
	{
		plan_show_print_record(record, day);
	}
}
