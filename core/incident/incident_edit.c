#include "core/incident/incident_edit.h"

#include <stddef.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/incident/incident_internal.h"
#include "core/model/timestamp.h"
#include "storage/commit.h"

enum { VALUE_BYTES_MAX = 200, COMMENT_BYTES_MAX = 4000 };

/** One edit on its way; the timeline is told what was and what is. */
struct edit {
	struct incident_store *store;
	struct incident *incident;
	const struct incident_command *command;
	const char *field, *value;
	struct bytes was, is;
	struct err_note *why;
};

static const char *or_none(const char *text)
{
	return text ? text : "-";
}

/* ---- texts ---- */

struct text_row {
	const char *name;
	size_t offset;
	bool may_be_none;
};
static const struct text_row text_rows[] = {
	{"title", offsetof(struct incident, title), false},
	{"category", offsetof(struct incident, category), true},
	{"owner", offsetof(struct incident, owner), true},
	{"commander", offsetof(struct incident, commander), true},
	{"scribe", offsetof(struct incident, scribe), true},
	{"liaison", offsetof(struct incident, liaison), true},
	{"comms", offsetof(struct incident, comms), true},
};

static int edit_text(struct edit *edit, const struct text_row *row)
{
	char **field = (char **)((char *)edit->incident + row->offset);
	bool is_none = strcmp(edit->value, "-") == 0;
	size_t length = strlen(edit->value);
	if (length == 0 || length > VALUE_BYTES_MAX || (is_none && !row->may_be_none) ||
	    !incident_is_utf8(slice_of(edit->value)))
		return err_set(edit->why, ERR_INVALID,
			       "%s must be a text of 1 to %d bytes in UTF-8%s", row->name,
			       VALUE_BYTES_MAX, row->may_be_none ? ", or - for none" : "");
	bytes_append_text(&edit->was, or_none(*field));
	bytes_append_text(&edit->is, edit->value);
	bool counts = field == &edit->incident->category && incident_is_open(edit->incident->state);
	if (counts)
		store_count_open(edit->store, edit->incident, -1);
	text_set(field, is_none ? NULL : edit->value);
	if (counts)
		store_count_open(edit->store, edit->incident, 1);
	return 0;
}

/* ---- numbers and flags ---- */

static int edit_priority(struct edit *edit)
{
	struct incident *incident = edit->incident;
	const char *value = edit->value;
	bool is_auto = strcmp(value, "auto") == 0;
	if (!is_auto && !(value[0] == 'P' && value[1] >= '1' && value[1] <= '5' && !value[2]))
		return err_set(edit->why, ERR_INVALID,
			       "priority must be P1, P2, P3, P4, P5 or auto, not \"%.32s\"", value);
	bytes_append_format(&edit->was, "P%u", incident->priority);
	incident->forced_priority = is_auto ? 0 : (uint32_t)(value[1] - '0');
	priority_from_table(edit->store, incident);
	bytes_append_format(&edit->is, "P%u%s", incident->priority, is_auto ? " (auto)" : "");
	return 0;
}

static int edit_level(struct edit *edit, uint32_t *field, bool *has_hand)
{
	const char *value = edit->value;
	bool is_auto = strcmp(value, "auto") == 0;
	if (!is_auto && !(value[0] >= '1' && value[0] <= '4' && !value[1]))
		return err_set(edit->why, ERR_INVALID,
			       "%s must be 1, 2, 3, 4 or auto, not \"%.32s\"", edit->field, value);
	bytes_append_format(&edit->was, "%u", *field);
	*has_hand = !is_auto;
	if (!is_auto)
		*field = (uint32_t)(value[0] - '0');
	else if (edit->incident->firing_count > 0)
		priority_ask(edit->store, edit->incident);
	priority_from_table(edit->store, edit->incident);
	bytes_append_format(&edit->is, "%u%s", *field, is_auto ? " (auto)" : "");
	return 0;
}

static int edit_flag(struct edit *edit, bool *field)
{
	bool is_yes = strcmp(edit->value, "yes") == 0;
	if (!is_yes && strcmp(edit->value, "no") != 0)
		return err_set(edit->why, ERR_INVALID, "%s must be yes or no, not \"%.32s\"",
			       edit->field, edit->value);
	bytes_append_text(&edit->was, *field ? "yes" : "no");
	bytes_append_text(&edit->is, edit->value);
	*field = is_yes;
	return 0;
}

static int edit_parent(struct edit *edit)
{
	int64_t number = 0;
	bool is_number = number_parse_int(slice_of(edit->value), &number) == 0 && number >= 0;
	struct incident *above = is_number ? store_find(edit->store, (uint64_t)number) : NULL;
	if (!is_number || (number > 0 && !above))
		return err_set(edit->why, ERR_INVALID,
			       "parent must be the number of an incident, or 0, not \"%.32s\"",
			       edit->value);
	for (uint32_t i = 0; above && i < edit->store->count; i++) {
		if (above == edit->incident)
			return err_set(edit->why, ERR_INVALID,
				       "incident %lld is below this one already",
				       (long long)number);
		above = store_find(edit->store, above->parent);
	}
	bytes_append_format(&edit->was, "%llu", (unsigned long long)edit->incident->parent);
	bytes_append_text(&edit->is, edit->value);
	edit->incident->parent = (uint64_t)number;
	return 0;
}

/* ---- times ---- */

struct time_row {
	const char *name;
	size_t offset;
};
#define TIME(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct incident, name##_ms)                                        \
	}
static const struct time_row time_rows[] = {
	TIME(impact_start), TIME(detected), TIME(opened), TIME(acked),
	TIME(mitigated),    TIME(resolved), TIME(closed),
};
enum { TIMES = sizeof(time_rows) / sizeof(time_rows[0]) };
/** Which comes before which, by index above. */
static const int time_order[][2] = {{0, 1}, {1, 2}, {2, 3}, {1, 4}, {4, 5}, {5, 6}};

static int64_t *time_at(struct incident *incident, int index)
{
	return (int64_t *)(void *)((char *)incident + time_rows[index].offset);
}

static int check_order(const struct edit *edit, int index, int64_t ms)
{
	for (size_t i = 0; i < sizeof(time_order) / sizeof(time_order[0]); i++) {
		int before = time_order[i][0], after = time_order[i][1];
		if (before != index && after != index)
			continue;
		int64_t first = before == index ? ms : *time_at(edit->incident, before);
		int64_t second = after == index ? ms : *time_at(edit->incident, after);
		if (first != 0 && second != 0 && first > second)
			return err_set(edit->why, ERR_INVALID, "%s must not be after %s",
				       time_rows[before].name, time_rows[after].name);
	}
	return 0;
}

static int edit_time(struct edit *edit, int index)
{
	int64_t *field = time_at(edit->incident, index), ms = 0;
	char text[TIMESTAMP_TEXT_BYTES_MAX];
	if (timestamp_parse(slice_of(edit->value), &ms) != 0 || ms <= 0)
		return err_set(edit->why, ERR_INVALID,
			       "%s must be a time as 2026-11-22T06:00:00+08:00, not \"%.40s\"",
			       edit->field, edit->value);
	if (ms > edit->command->now_ms)
		return err_set(edit->why, ERR_INVALID, "%s must not be in the future", edit->field);
	if (*field == 0)
		return err_set(edit->why, ERR_INVALID,
			       "%s cannot be corrected: it has not happened", edit->field);
	if (!edit->command->reason || !edit->command->reason[0])
		return err_set(edit->why, ERR_INVALID, "a time is corrected with a reason");
	int code = check_order(edit, index, ms);
	if (code != 0)
		return code;
	timestamp_format(*field, text);
	bytes_append_text(&edit->was, text);
	timestamp_format(ms, text);
	bytes_append_text(&edit->is, text);
	*field = ms;
	return 0;
}

/* ---- commands ---- */

static int edit_field(struct edit *edit)
{
	struct incident *incident = edit->incident;
	const char *field = edit->field;
	for (size_t i = 0; i < sizeof(text_rows) / sizeof(text_rows[0]); i++) {
		if (strcmp(text_rows[i].name, field) == 0)
			return edit_text(edit, &text_rows[i]);
	}
	for (int i = 0; i < TIMES; i++) {
		if (strcmp(time_rows[i].name, field) == 0)
			return edit_time(edit, i);
	}
	if (strcmp(field, "priority") == 0)
		return edit_priority(edit);
	if (strcmp(field, "impact") == 0)
		return edit_level(edit, &incident->impact, &incident->has_hand_impact);
	if (strcmp(field, "urgency") == 0)
		return edit_level(edit, &incident->urgency, &incident->has_hand_urgency);
	if (strcmp(field, "major") == 0)
		return edit_flag(edit, &incident->is_major);
	if (strcmp(field, "drill") == 0)
		return edit_flag(edit, &incident->is_drill);
	if (strcmp(field, "parent") == 0)
		return edit_parent(edit);
	return err_set(edit->why, ERR_INVALID,
		       "an incident has no field \"%.32s\" to set; allowed: priority, impact, "
		       "urgency, title, category, owner, commander, scribe, liaison, comms, "
		       "parent, major, drill, impact_start, detected, opened, acked, mitigated, "
		       "resolved, closed",
		       field);
}

static void record_edit(struct edit *edit, uint32_t priority_before)
{
	const char *reason = edit->command->reason, *event = "edited";
	char *text = mem_format("%s: %s -> %s%s%s", edit->field, edit->was.data, edit->is.data,
				reason && reason[0] ? ": " : "", reason ? reason : "");
	if (edit->incident->priority != priority_before)
		event = edit->incident->priority < priority_before ? "raised" : "lowered";
	else if (strcmp(edit->field, "owner") == 0)
		event = "assigned";
	incident_record(edit->store, edit->incident, event, edit->command->actor, text,
			edit->command->now_ms);
	mem_free(text);
	incident_emit(edit->store, edit->incident, event);
	commit_kick(edit->store->options.commit);
}

int incident_set(struct incident_store *store, const struct incident_command *command,
		 const char *field, const char *value, struct err_note *why)
{
	struct edit edit = {
		.store = store, .command = command, .field = field, .value = value, .why = why};
	int code = command_find(store, command, &edit.incident, why);
	if (code != 0)
		return code;
	uint32_t before = edit.incident->priority;
	code = edit_field(&edit);
	if (code == 0)
		record_edit(&edit, before);
	bytes_deinit(&edit.was);
	bytes_deinit(&edit.is);
	return code;
}

int incident_comment(struct incident_store *store, const struct incident_command *command,
		     const char *text, struct err_note *why)
{
	struct incident *incident = NULL;
	int code = command_find(store, command, &incident, why);
	if (code != 0)
		return code;
	if (!text || text[0] == '\0' || strlen(text) > COMMENT_BYTES_MAX)
		return err_set(why, ERR_INVALID, "a comment must be a text of 1 to %d bytes",
			       COMMENT_BYTES_MAX);
	incident->comment_count++;
	incident_record(store, incident, "commented", command->actor, text, command->now_ms);
	incident_emit(store, incident, "commented");
	commit_kick(store->options.commit);
	return 0;
}

int incident_snooze(struct incident_store *store, const struct incident_command *command,
		    int64_t until_ms, struct err_note *why)
{
	struct incident *incident = NULL;
	char time[TIMESTAMP_TEXT_BYTES_MAX];
	int code = command_find(store, command, &incident, why);
	if (code != 0)
		return code;
	if (!incident_is_open(incident->state))
		return err_set(why, ERR_CONFLICT, "incident %llu is %s at revision %llu: no snooze",
			       (unsigned long long)incident->number,
			       incident_state_name(incident->state),
			       (unsigned long long)incident->revision);
	if (until_ms != 0 && until_ms <= command->now_ms)
		return err_set(why, ERR_INVALID, "a snooze must end in the future");
	const char *event = until_ms > 0 ? "snoozed" : "unsnoozed";
	const char *reason = command->reason ? command->reason : "";
	timestamp_format(until_ms, time);
	incident->snoozed_until_ms = until_ms;
	char *text = until_ms > 0 ? mem_format("until %s%s%s", time, reason[0] ? ": " : "", reason)
				  : mem_copy_text(reason);
	incident_record(store, incident, event, command->actor, text, command->now_ms);
	mem_free(text);
	incident_emit(store, incident, event);
	commit_kick(store->options.commit);
	return 0;
}

int incident_raise(struct incident_store *store, const struct incident_command *command,
		   uint32_t steps, struct err_note *why)
{
	struct incident *incident = NULL;
	int code = command_find(store, command, &incident, why);
	if (code != 0)
		return code;
	uint32_t before = incident->priority;
	if (steps == 0 || before == 1)
		return 0;
	const char *reason = command->reason ? command->reason : "";
	incident->forced_priority = steps < before ? before - steps : 1;
	priority_from_table(store, incident);
	char *text = mem_format("priority: P%u -> P%u%s%s", before, incident->priority,
				reason[0] ? ": " : "", reason);
	incident_record(store, incident, "raised", command->actor, text, command->now_ms);
	mem_free(text);
	incident_emit(store, incident, "raised");
	commit_kick(store->options.commit);
	return 0;
}

void incident_notified(struct incident_store *store, uint64_t number, int64_t now_ms)
{
	struct incident *incident = store_find(store, number);
	if (!incident || incident->first_notified_ms != 0)
		return;
	incident->first_notified_ms = now_ms;
	incident_note(store, number, "first_notified", INCIDENT_SELF, "somebody is told", now_ms);
}
