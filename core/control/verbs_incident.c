#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/require.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/incident/incident_stats.h"
#include "core/model/span.h"
#include "core/model/timestamp.h"

#include <string.h>

static json_t *incident_object(const struct incident *incident)
{
	struct bytes text = BYTES_EMPTY;
	incident_append_json(incident, &text);
	json_t *object = json_loadb(text.data, text.length, 0, NULL);
	bytes_deinit(&text);
	REQUIRE(object != NULL);
	json_spell_times(object);
	return object;
}

static void add_incident(void *arg, const struct incident *incident)
{
	json_array_append_new(arg, incident_object(incident));
}

int verb_incident_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	json_t *list = json_array();
	(void)why;
	incident_each(call->target->incidents, !json_is_true(json_object_get(call->args, "all")),
		      add_incident, list);
	*result = list;
	return 0;
}

struct record_list {
	json_t *list;
	bool is_short; /* without what changed in the row */
};

static void add_record(void *arg, struct slice json)
{
	struct record_list *records = arg;
	json_t *record = json_loadb(json.data, json.length, 0, NULL);
	if (record == NULL)
		return;
	if (records->is_short)
		json_object_del(record, "set");
	else
		json_spell_times(json_object_get(record, "set"));
	json_spell_times(record);
	json_array_append_new(records->list, record);
}

static int read_timeline(const struct verb_call *call, uint64_t number, bool is_short, json_t **out,
			 struct err_note *why)
{
	struct record_list records = {json_array(), is_short};
	if (incident_find(call->target->incidents, number) == NULL) {
		json_decref(records.list);
		return err_set(why, ERR_NOT_FOUND,
			       "there is no incident %llu (see incident list --all)",
			       (unsigned long long)number);
	}
	int code =
		incident_each_timeline(call->target->incidents, number, add_record, &records, why);
	if (code != 0)
		json_decref(records.list);
	else
		*out = records.list;
	return code;
}

static int show(const struct verb_call *call, uint64_t number, json_t **result,
		struct err_note *why)
{
	json_t *timeline = NULL;
	int code = read_timeline(call, number, true, &timeline, why);
	if (code != 0)
		return code;
	*result = incident_object(incident_find(call->target->incidents, number));
	json_take(*result, "timeline", timeline);
	return 0;
}

int verb_incident_show(const struct verb_call *call, json_t **result, struct err_note *why)
{
	uint64_t number = 0;
	int code = arg_number(call, "number", true, INT64_MAX, &number, why);
	return code != 0 ? code : show(call, number, result, why);
}

int verb_incident_timeline(const struct verb_call *call, json_t **result, struct err_note *why)
{
	uint64_t number = 0;
	int code = arg_number(call, "number", true, INT64_MAX, &number, why);
	return code != 0 ? code : read_timeline(call, number, false, result, why);
}

/* ---- figures ---- */

static json_t *figure_json(const struct incident_figure *figure)
{
	json_t *json = json_object();
	json_put_int(json, "count", figure->count);
	json_take(json, "mean_s", json_real((double)figure->mean_ms / 1000));
	json_take(json, "median_s", json_real((double)figure->median_ms / 1000));
	json_take(json, "p90_s", json_real((double)figure->p90_ms / 1000));
	return json;
}

static void add_figures(void *arg, const struct incident_figures *figures)
{
	json_t *row = json_object(), *priorities = json_object();
	json_take(row, "category", json_text(figures->category));
	json_put_int(row, "incidents", figures->incident_count);
	json_put_int(row, "open", figures->open_count);
	json_put_int(row, "reopened", figures->reopened_count);
	for (size_t i = 0; i < 5; i++) {
		char name[4] = {'P', (char)('1' + (int)i), '\0'};
		json_put_int(priorities, name, figures->priority_counts[i]);
	}
	json_take(row, "priorities", priorities);
	json_take(row, "mtta", figure_json(&figures->acknowledge));
	json_take(row, "handling", figure_json(&figures->handle));
	json_take(row, "mttr", figure_json(&figures->resolve));
	json_take(row, "mtbf", figure_json(&figures->between));
	json_array_append_new(arg, row);
}

/** "since": a span before now, or a time. */
int verb_incident_stats(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *since = NULL, *by = NULL;
	int64_t since_ms = 0, span_ms = 0;
	int code = arg_text(call, "since", false, &since, why);
	if (code == 0)
		code = arg_text(call, "by", false, &by, why);
	if (code == 0 && by != NULL && strcmp(by, "category") != 0)
		code = err_set(why, ERR_INVALID, "argument by must be category");
	if (code == 0 && since != NULL && timestamp_parse(slice_of(since), &since_ms) != 0) {
		if (span_parse(since, &span_ms, NULL) != 0)
			code = err_set(why, ERR_INVALID,
				       "argument since must be a span such as 30d, or a time such "
				       "as 2026-11-22T06:00:00Z");
		since_ms = call->now_ms - span_ms;
	}
	if (code != 0)
		return code;
	*result = json_array();
	incident_stats(call->target->incidents, since_ms, call->now_ms, by != NULL, add_figures,
		       *result);
	return 0;
}

/* ---- commands ---- */

static int read_command(const struct verb_call *call, struct incident_command *command,
			struct err_note *why)
{
	*command = (struct incident_command){.actor = call->actor, .now_ms = call->now_ms};
	int code = arg_number(call, "number", true, INT64_MAX, &command->number, why);
	if (code == 0)
		code = arg_number(call, "revision", false, INT64_MAX, &command->revision, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &command->reason, why);
	return code;
}

static int move(const struct verb_call *call, enum incident_move move, json_t **result,
		struct err_note *why)
{
	struct incident_command command;
	enum incident_need need = incident_move_row(move)->need;
	int code = read_command(call, &command, why);
	if (code == 0 && need == INCIDENT_NEED_TARGET)
		code = arg_number(call, "into", true, INT64_MAX, &command.target, why);
	if (need != INCIDENT_NEED_REASON && command.reason == NULL)
		command.reason = "by hand";
	if (code == 0)
		code = incident_do(call->target->incidents, move, &command, why);
	return code != 0 ? code : show(call, command.number, result, why);
}

#define MOVE_VERB(name, MOVE)                                                                      \
	int verb_incident_##name(const struct verb_call *call, json_t **result,                    \
				 struct err_note *why)                                             \
	{                                                                                          \
		return move(call, INCIDENT_MOVE_##MOVE, result, why);                              \
	}
MOVE_VERB(approve, APPROVE)
MOVE_VERB(reject, REJECT)
MOVE_VERB(ack, ACK)
MOVE_VERB(unack, UNACK)
MOVE_VERB(handle, HANDLE)
MOVE_VERB(mitigate, MITIGATE)
MOVE_VERB(resolve, RESOLVE)
MOVE_VERB(close, CLOSE)
MOVE_VERB(cancel, CANCEL)
MOVE_VERB(merge, MERGE)
MOVE_VERB(reopen, REOPEN)

int verb_incident_set(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct incident_command command;
	const char *field = NULL, *value = NULL;
	int code = read_command(call, &command, why);
	if (code == 0)
		code = arg_text(call, "field", true, &field, why);
	if (code == 0)
		code = arg_text(call, "value", true, &value, why);
	if (code == 0)
		code = incident_set(call->target->incidents, &command, field, value, why);
	return code != 0 ? code : show(call, command.number, result, why);
}

int verb_incident_comment(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct incident_command command;
	const char *text = NULL;
	int code = read_command(call, &command, why);
	if (code == 0)
		code = arg_text(call, "text", true, &text, why);
	if (code == 0)
		code = incident_comment(call->target->incidents, &command, text, why);
	return code != 0 ? code : show(call, command.number, result, why);
}

/** "for": a span, or "off". */
int verb_incident_snooze(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct incident_command command;
	const char *span = NULL;
	int64_t span_ms = 0;
	int code = read_command(call, &command, why);
	if (code == 0)
		code = arg_text(call, "for", true, &span, why);
	bool is_off = span != NULL && strcmp(span, "off") == 0;
	if (code == 0 && !is_off)
		code = span_parse(span, &span_ms, why);
	if (code == 0)
		code = incident_snooze(call->target->incidents, &command,
				       is_off ? 0 : call->now_ms + span_ms, why);
	return code != 0 ? code : show(call, command.number, result, why);
}
