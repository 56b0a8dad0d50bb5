/* phone.call: people are paged by all their ways at once (core/paging decides when), a number by a
 * gateway of the site. What is put out is in the batch of the step's outcome or an earlier one. */
#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/channel.h"
#include "core/channel/message.h"
#include "core/config/config.h"
#include "core/outbox/outbox.h"
#include "core/plan/plan_json.h"

#include <string.h>

enum { TEXT_BYTES_MAX = 2000, DIGITS_MIN = 3, DIGITS_MAX = 20 };

static bool is_number(const char *text)
{
	size_t length = strlen(text + (text[0] == '+'));
	const char *digits = text + (text[0] == '+');
	return length >= DIGITS_MIN && length <= DIGITS_MAX &&
	       strspn(digits, "0123456789") == length;
}

static int check_number(const struct plan_actions *actions, const char *to, const char *number,
			struct err_note *why)
{
	const struct config_output *output =
		actions->config ? config_find_output(actions->config, to) : NULL;
	if (!is_number(number))
		return err_set(why, ERR_INVALID,
			       "phone.call: number must be digits, like \"+8613800000000\"");
	if (!output)
		return err_set(why, ERR_NOT_FOUND, "phone.call: the site has no output \"%.64s\"",
			       to);
	if (output->kind != OUTPUT_CHANNEL || output->channel->kind != CHANNEL_GATEWAY ||
	    !output->channel->is_voice)
		return err_set(why, ERR_INVALID,
			       "phone.call: output %.64s is no gateway with kind = \"voice\"", to);
	return 0;
}

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"who", "to", "number", "text", NULL};
	const char *text = NULL, *who = json_string_value(json_object_get(args, "who"));
	const char *to = json_string_value(json_object_get(args, "to"));
	const char *number = json_string_value(json_object_get(args, "number"));
	int code = plan_json_check_names(args, "phone.call", names, why);
	if (code == 0)
		code = action_text(args, "phone.call", "text", &text, why);
	if (code == 0 && strlen(text) > TEXT_BYTES_MAX)
		code = err_set(why, ERR_INVALID, "phone.call: text is longer than %d bytes",
			       TEXT_BYTES_MAX);
	bool is_person = who && who[0] && json_object_size(args) == 2;
	if (code == 0 && !is_person && !(to && number && json_object_size(args) == 3))
		code = err_set(why, ERR_INVALID,
			       "phone.call needs who, like \"schedule:payments\", or to (a voice "
			       "gateway) and number");
	if (code == 0 && !is_person)
		code = check_number(actions, to, number, why);
	*default_effect = EFFECT_IDEMPOTENT;
	return code;
}

/* ---- people ---- */

struct call {
	struct plan_action_run *run;
	const char *text;
	char *cause;
	json_t *people, *waiting;
	char *error; /* of the latest who cannot be reached at all */
};

static void call_person(void *arg, const char *person)
{
	struct call *call = arg;
	const struct plan_actions_options *options = &call->run->actions->options;
	struct plan_page page = {.person = person,
				 .incident = call->run->incident,
				 .text = call->text,
				 .cause = call->cause};
	struct err_note why = {{0}};
	int code = options->page(options->arg, &page, &why);
	if (code == 0 || code == ERR_FULL) {
		json_array_append_new(code == 0 ? call->people : call->waiting,
				      json_string(person));
		return;
	}
	mem_free(call->error);
	call->error = mem_copy_text(why.text);
}

static void put_outcome(struct call *call, const char *who, struct plan_reply *reply)
{
	size_t count = json_array_size(call->people) + json_array_size(call->waiting);
	if (count == 0) {
		reply->error = call->error ? mem_format("phone.call: %s", call->error)
					   : mem_format("phone.call: nobody is %.100s now", who);
		return;
	}
	json_t *json = json_pack("{s:O, s:O}", "people", call->people, "waiting", call->waiting);
	reply->result.is_ok = true;
	reply->result_json = plan_json_text(json);
	json_decref(json);
}

static int call_people(struct plan_action_run *run, const char *who, const char *text,
		       struct err_note *why)
{
	const struct plan_actions_options *options = &run->actions->options;
	const char *slash = strchr(run->idempotency_key, '/');
	struct plan_reply reply = {.result = {0}};
	if (!options->page || !options->people)
		return err_set(why, ERR_UNSUPPORTED, "phone.call: there are no people here");
	struct call call = {.run = run, .text = text};
	call.cause = mem_format("plan %s", slash ? slash + 1 : run->idempotency_key);
	call.people = json_array();
	call.waiting = json_array();
	int code = options->people(options->arg, who, call_person, &call, why);
	if (code == 0)
		put_outcome(&call, who, &reply);
	else if (code == ERR_NOT_FOUND && why)
		reply.error = mem_format("phone.call: %s", why->text);
	json_decref(call.people);
	json_decref(call.waiting);
	mem_free(call.error);
	mem_free(call.cause);
	if (code != 0 && !reply.error)
		return code;
	plan_action_reply_soon(run, &reply);
	return 0;
}

/* ---- a number ---- */

static int call_number(struct plan_action_run *run, const json_t *args, const char *text,
		       struct err_note *why)
{
	const char *to = json_string_value(json_object_get(args, "to"));
	struct message message = {
		.event = "plan",
		.text = text,
		.recipient = json_string_value(json_object_get(args, "number")),
	};
	char *incident = run->incident > 0 ? mem_format("{\"number\":%llu}",
							(unsigned long long)run->incident)
					   : NULL;
	struct bytes row = BYTES_EMPTY;
	char hash[ACTION_ROW_ID_BYTES];
	message.incident_json = incident;
	message_append_row(&message, &row);
	int code = outbox_put(run->actions->options.outbox, to,
			      action_row_id(run->idempotency_key, hash), bytes_slice(&row), NULL,
			      NULL, why);
	bytes_deinit(&row);
	mem_free(incident);
	if (code == 0)
		plan_action_finish_soon(run);
	return code;
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	const char *who = json_string_value(json_object_get(args, "who"));
	const char *text = json_string_value(json_object_get(args, "text"));
	return who ? call_people(run, who, text, why) : call_number(run, args, text, why);
}

/* Of a number only its ends: the timeline is read by many. */
static void describe(const json_t *args, struct bytes *out)
{
	const char *who = json_string_value(json_object_get(args, "who"));
	const char *number = json_string_value(json_object_get(args, "number"));
	const char *text = json_string_value(json_object_get(args, "text"));
	json_t *line = plan_json_clean(slice_of(text), 200);
	size_t length = number ? strlen(number) : 0;
	if (who)
		bytes_append_format(out, "call %.100s", who);
	else if (length > 8)
		bytes_append_format(out, "call %.4s…%s", number, number + length - 2);
	else
		bytes_append_text(out, "call a number");
	bytes_append_format(out, ": %s", json_string_value(line));
	json_decref(line);
}

static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	const json_t *who = json_object_get(args, "who");
	(void)actions, (void)why;
	*result = who ? json_pack("{s:[O], s:[]}", "people", who, "waiting") : json_object();
	return 0;
}

const struct plan_action_type action_phone = {.name = "phone.call",
					      .validate = validate,
					      .start = start,
					      .describe = describe,
					      .simulate = simulate};
