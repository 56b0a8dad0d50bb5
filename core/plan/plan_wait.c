#include "core/plan/plan_branch.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <stdio.h>
#include <string.h>

enum { SLEEP_MAX_DAYS = 366, LATE_FACT_MS = 1000 };

/* ---- sleep ---- */

static void answer_with_error(struct plan_branch *branch, enum record_type type, const char *error)
{
	struct journal_record record = {.type = type, .step = branch->call.step, .error = error};
	branch_record(branch, &record);
}

void sleep_open(struct plan_branch *branch, struct journal_record *record)
{
	json_t *args = plan_json_parse(record->args_json);
	double ms = json_number_value(json_object_get(args, "ms"));
	bool is_good = json_is_number(json_object_get(args, "ms")) && ms >= 0 &&
		       ms <= SLEEP_MAX_DAYS * 86400000.0;
	json_decref(args);
	record->type = RECORD_TIMER_SET;
	record->due_ms = engine_now(branch->run->engine) + (is_good ? (int64_t)ms : 0);
	branch_record(branch, record);
	if (!is_good)
		answer_with_error(branch, RECORD_TIMER_FIRED,
				  "a sleep must be a span from 0 to 366 days");
}

void sleep_on_due(struct plan_branch *branch)
{
	char result[64];
	int64_t late_ms = engine_now(branch->run->engine) - branch->call.due_ms;
	snprintf(result, sizeof(result), "{\"late_by_ms\":%lld}", (long long)late_ms);
	struct journal_record record = {.type = RECORD_TIMER_FIRED,
					.step = branch->call.step,
					.result_json = result,
					.late_by_ms = late_ms};
	branch_record(branch, &record);
	if (late_ms >= LATE_FACT_MS)
		engine_fact(branch->run, "timer_late", "%s ended %lld ms late", branch->call.step,
			    (long long)late_ms);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

/* ---- ask ---- */

static const char *const expire_choices[] = {"reject", "approve", "fail"};

static const char *on_expire_of(const json_t *args)
{
	const char *text = json_string_value(json_object_get(args, "on_expire"));
	return text ? text : "reject";
}

static int check_ask(const json_t *args, int64_t *expires_ms, struct err_note *why)
{
	static const char *const names[] = {"text", "who", "expires", "on_expire", "choices", NULL};
	const json_t *expires = json_object_get(args, "expires");
	const json_t *choices = json_object_get(args, "choices");
	*expires_ms = 0;
	if (!json_is_object(args) || !json_is_string(json_object_get(args, "text")))
		return err_set(why, ERR_INVALID, "an ask needs a text");
	int code = plan_json_check_names(args, "ask", names, why);
	if (code != 0)
		return code;
	if (expires && (plan_json_span(expires, expires_ms) != 0 || *expires_ms < 1))
		return err_set(why, ERR_INVALID, "ask.expires must be a span such as \"30m\"");
	if (choices && !json_is_array(choices))
		return err_set(why, ERR_INVALID, "ask.choices must be a list");
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(expire_choices[i], on_expire_of(args)) == 0)
			return 0;
	}
	return err_set(why, ERR_INVALID,
		       "ask.on_expire must be \"reject\", \"approve\" or \"fail\"");
}

void ask_open(struct plan_branch *branch, struct journal_record *record)
{
	struct err_note why = {{0}};
	int64_t expires_ms;
	json_t *args = plan_json_parse(record->args_json);
	int code = check_ask(args, &expires_ms, &why);
	record->type = RECORD_ASK_OPENED;
	record->due_ms = expires_ms > 0 ? engine_now(branch->run->engine) + expires_ms : 0;
	branch_record(branch, record);
	if (code != 0) {
		answer_with_error(branch, RECORD_ASK_ANSWERED, why.text);
	} else {
		const char *who = json_string_value(json_object_get(args, "who"));
		engine_fact(branch->run, "asked", "%s: %s%s%s", branch->call.step,
			    json_string_value(json_object_get(args, "text")), who ? " - for " : "",
			    who ? who : "");
	}
	json_decref(args);
}

void ask_continue(struct plan_branch *branch)
{
	struct bytes text = BYTES_EMPTY;
	json_t *args = plan_json_parse(branch->call.args_json);
	const char *question = json_string_value(json_object_get(args, "text"));
	bytes_append_format(&text, "%s: %s", branch->call.step, question ? question : "");
	branch_set_state(branch, RUN_ASKING, text.data);
	bytes_deinit(&text);
	json_decref(args);
	run_arm(branch->run);
}

void ask_answer(struct plan_branch *branch, bool is_approved, const char *value_json,
		const char *actor, const char *reason, bool is_expired)
{
	json_t *result = json_object();
	json_t *value = value_json ? plan_json_parse(value_json) : NULL;
	json_object_set_new(result, "approved", json_boolean(is_approved));
	json_object_set_new(result, "expired", json_boolean(is_expired));
	json_object_set_new(result, "value", value ? value : json_null());
	json_object_set_new(result, "actor", plan_json_clean(slice_of(actor), 256));
	json_object_set_new(result, "reason", plan_json_clean(slice_of(reason), 4096));
	char *text = plan_json_text(result);
	struct journal_record record = {.type = RECORD_ASK_ANSWERED,
					.step = branch->call.step,
					.result_json = text,
					.actor = actor,
					.reason = reason};
	branch_record(branch, &record);
	engine_fact(branch->run, "answered", "%s: %s by %s%s%s", branch->call.step,
		    is_approved ? "approved" : "rejected", actor, reason && reason[0] ? ": " : "",
		    reason ? reason : "");
	mem_free(text);
	json_decref(result);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

void ask_on_due(struct plan_branch *branch)
{
	json_t *args = plan_json_parse(branch->call.args_json);
	bool is_failure = strcmp(on_expire_of(args), "fail") == 0;
	bool is_approved = strcmp(on_expire_of(args), "approve") == 0;
	json_decref(args);
	if (!is_failure) {
		ask_answer(branch, is_approved, NULL, "engine", "nobody answered in time", true);
		return;
	}
	answer_with_error(branch, RECORD_ASK_ANSWERED, "nobody answered in time");
	engine_fact(branch->run, "answered", "%s: failed, nobody answered in time",
		    branch->call.step);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

int ask_check_value(const struct open_call *call, bool is_approved, const char *value_json,
		    struct err_note *why)
{
	json_t *value = value_json ? plan_json_parse(value_json) : NULL;
	if (value_json && !value)
		return err_set(why, ERR_INVALID, "the value of the answer is not JSON");
	json_t *args = plan_json_parse(call->args_json);
	const json_t *choices = json_object_get(args, "choices");
	bool is_known = !choices || !is_approved || call->kind != PLAN_CALL_ASK;
	for (size_t i = 0; !is_known && i < json_array_size(choices); i++)
		is_known = json_equal(json_array_get(choices, i), value);
	int code = 0;
	if (!is_known) {
		char *list = plan_json_text(choices);
		code = err_set(why, ERR_INVALID, "the value of the answer must be one of %.400s",
			       list);
		mem_free(list);
	}
	json_decref(args);
	json_decref(value);
	return code;
}

/* ---- values ---- */

static json_t *make_uuid(const struct env *env)
{
	unsigned char b[16];
	char text[40];
	env_random(env, b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return json_string(text);
}

static json_t *make_incident(struct plan_run *run)
{
	const struct plan_engine_options *options = &run->engine->options;
	char *text =
		options->incident_json ? options->incident_json(options->arg, run->incident) : NULL;
	json_t *json = text ? plan_json_parse(text) : NULL;
	mem_free(text);
	return json ? json : json_null();
}

/* What the script has found out: as it is, unless it is too long. */
static json_t *take_fact(const char *opts_json, const char **error)
{
	json_t *opts = plan_json_parse(opts_json ? opts_json : "{}");
	json_t *value = json_incref(json_object_get(opts, "value"));
	json_decref(opts);
	if (opts_json && strlen(opts_json) > RUN_RESULT_BYTES_MAX) {
		*error = "a fact has at most 64 KiB as JSON";
		json_decref(value);
		return NULL;
	}
	return value ? value : json_null();
}

void value_open(struct plan_branch *branch, struct journal_record *record, const char *opts_json)
{
	const struct env *env = loop_env(branch->run->engine->options.loop);
	const char *name = record->action ? record->action : "";
	const char *error =
		"there is no value of this name; known: now, random, uuid, incident, fact";
	json_t *value = NULL;
	uint64_t random;
	if (strcmp(name, "now") == 0) {
		value = json_real((double)engine_now(branch->run->engine) / 1000);
	} else if (strcmp(name, "random") == 0) {
		env_random(env, &random, sizeof(random));
		value = json_real((double)(random >> 11) / 9007199254740992.0);
	} else if (strcmp(name, "uuid") == 0) {
		value = make_uuid(env);
	} else if (strcmp(name, "incident") == 0) {
		value = make_incident(branch->run);
	} else if (strcmp(name, "fact") == 0) {
		value = take_fact(opts_json, &error);
	}
	char *text = value ? plan_json_text(value) : NULL;
	record->type = RECORD_VALUE;
	record->result_json = text;
	if (!value)
		record->error = error;
	branch_record(branch, record);
	mem_free(text);
	json_decref(value);
}
