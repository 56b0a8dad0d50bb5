#include "core/plan/plan_branch.h"

#include "core/base/env.h"
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
