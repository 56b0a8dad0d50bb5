#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/require.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/handling/handling.h"

#include <string.h>

enum { ALERTS_SHOWN = 50 };

static json_t *alert_object(struct slice json)
{
	json_t *object = json_loadb(json.data, json.length, 0, NULL);
	json_t *event;
	size_t index;
	REQUIRE(object != NULL);
	json_spell_times(object);
	json_array_foreach(json_object_get(object, "events"), index, event)
	{
		json_spell_times(event);
	}
	return object;
}

/** "sent to alerts, ops": what came of it, for one line of a list. Sent says more than what was
 *  before; otherwise the last thing that happened counts. */
static void put_outcome(json_t *alert)
{
	struct bytes sent = BYTES_EMPTY;
	const json_t *event, *last = NULL;
	size_t index;
	json_array_foreach(json_object_get(alert, "events"), index, event)
	{
		const char *kind = json_string_value(json_object_get(event, "kind"));
		const char *output = json_string_value(json_object_get(event, "output"));
		if (kind != NULL && strcmp(kind, "duplicate") == 0)
			continue;
		last = event;
		if (kind != NULL && output != NULL && strcmp(kind, "sent") == 0)
			bytes_append_format(&sent, "%s%s", sent.length > 0 ? ", " : "sent to ",
					    output);
	}
	const char *kind = json_string_value(json_object_get(last, "kind"));
	const char *text = json_string_value(json_object_get(last, "text"));
	if (sent.length == 0 && kind != NULL && text != NULL)
		bytes_append_format(&sent, "%s%s%s", strstr(text, kind) == text ? "" : kind,
				    strstr(text, kind) == text ? "" : ": ", text);
	json_put_text(alert, "outcome", sent.length > 0 ? sent.data : "nothing yet");
	bytes_deinit(&sent);
}

static void add_alert(void *arg, struct slice json)
{
	json_t *alert = alert_object(json);
	put_outcome(alert);
	json_array_append_new(arg, alert);
}

static void add_open(void *arg, struct slice json)
{
	json_array_append_new(arg, alert_object(json));
}

int verb_alert_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	uint64_t limit = ALERTS_SHOWN;
	const char *rule = NULL;
	int code = arg_number(call, "limit", false, HANDLING_LIST_MAX, &limit, why);
	if (code == 0)
		code = arg_text(call, "rule", false, &rule, why);
	if (code != 0)
		return code;
	json_t *list = json_array();
	if (json_is_true(json_object_get(call->args, "open")))
		handling_each_open(call->target->handling, NULL, add_open, list);
	else
		code = handling_each_fate(call->target->handling, rule, (uint32_t)limit, add_alert,
					  list, why);
	if (code == 0)
		*result = list;
	else
		json_decref(list);
	return code;
}

int verb_alert_show(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct bytes json = BYTES_EMPTY;
	const char *id = NULL;
	int code = arg_text(call, "id", true, &id, why);
	if (code == 0)
		code = handling_append_fate(call->target->handling, id, &json, why);
	if (code == 0) {
		*result = alert_object(bytes_slice(&json));
		put_outcome(*result);
	}
	bytes_deinit(&json);
	return code;
}
