#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/require.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/incident/incident.h"

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

static void add_record(void *arg, struct slice json)
{
	json_t *record = json_loadb(json.data, json.length, 0, NULL);
	if (record == NULL)
		return;
	json_spell_times(record);
	json_array_append_new(arg, record);
}

static int show(const struct verb_call *call, uint64_t number, json_t **result,
		struct err_note *why)
{
	const struct incident *incident = incident_find(call->target->incidents, number);
	if (incident == NULL)
		return err_set(why, ERR_NOT_FOUND,
			       "there is no incident %llu (see incident list --all)",
			       (unsigned long long)number);
	json_t *timeline = json_array();
	int code =
		incident_each_timeline(call->target->incidents, number, add_record, timeline, why);
	if (code != 0) {
		json_decref(timeline);
		return code;
	}
	*result = incident_object(incident);
	json_take(*result, "timeline", timeline);
	return 0;
}

int verb_incident_show(const struct verb_call *call, json_t **result, struct err_note *why)
{
	uint64_t number = 0;
	int code = arg_number(call, "number", true, INT64_MAX, &number, why);
	return code != 0 ? code : show(call, number, result, why);
}

static int move(const struct verb_call *call,
		int (*command)(struct incident_store *store, uint64_t number, uint64_t revision,
			       const char *actor, const char *reason, int64_t now_ms,
			       struct err_note *why),
		json_t **result, struct err_note *why)
{
	uint64_t number = 0, revision = 0;
	const char *reason = "by hand";
	int code = arg_number(call, "number", true, INT64_MAX, &number, why);
	if (code == 0)
		code = arg_number(call, "revision", false, INT64_MAX, &revision, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &reason, why);
	if (code == 0)
		code = command(call->target->incidents, number, revision, call->actor, reason,
			       call->now_ms, why);
	return code != 0 ? code : show(call, number, result, why);
}

int verb_incident_ack(const struct verb_call *call, json_t **result, struct err_note *why)
{
	return move(call, incident_ack, result, why);
}

int verb_incident_resolve(const struct verb_call *call, json_t **result, struct err_note *why)
{
	return move(call, incident_resolve, result, why);
}
