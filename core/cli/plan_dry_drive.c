#include "core/cli/plan_dry_drive.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cli/plan_effects.h"
#include "core/cli/plan_world.h"
#include "core/loop/loop.h"
#include "core/plan/action.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_json.h"

#include <stdio.h>
#include <string.h>

enum {
	LOOK_MS = 60 * 1000,         /* the world goes on in such steps */
	STUCK_MS = 24 * 3600 * 1000, /* so long only a person could have moved it */
	ACTOR_BYTES_MAX = 100
};

static const char starter[] = "dry run";

/* ---- what the world says ---- */

static const struct policy *find(const struct plan_dry_drive *drive, enum policy_kind kind,
				 const char *step)
{
	for (uint32_t i = 0; i < drive->policy_count; i++) {
		if (drive->policies[i].kind == kind &&
		    plan_effects_is_step(step, drive->policies[i].name))
			return &drive->policies[i];
	}
	return NULL;
}

static void on_effect(void *arg, const struct plan_effect *effect, struct plan_reply *reply)
{
	const struct plan_dry_drive *drive = arg;
	char *step = plan_effects_step(effect->key);
	const struct policy *result = find(drive, POLICY_RESULT, step);
	const struct policy *fail = find(drive, POLICY_FAIL, step);
	if (result) {
		mem_free(reply->result_json);
		reply->result_json = mem_copy_text(result->value);
	}
	if (fail) {
		reply->result = (struct plan_action_result){0};
		reply->error = mem_copy_text(fail->value);
	}
	mem_free(step);
}

static void on_fact(void *arg, const char *run_id, const char *kind, const char *text)
{
	struct plan_dry_drive *drive = arg;
	(void)run_id;
	(void)text;
	/* Not here: it is told in the middle of a record. */
	if (strcmp(kind, "asked") == 0)
		timer_set(drive->look, 0);
}

/* ---- answers ---- */

/** Who answers as the `index`-th: one who is asked, or somebody. */
static void name_person(const json_t *who, size_t index, char out[ACTOR_BYTES_MAX])
{
	const json_t *one = json_is_array(who) ? json_array_get(who, index) : who;
	if (json_is_string(one))
		snprintf(out, ACTOR_BYTES_MAX, "%s", json_string_value(one));
	else
		snprintf(out, ACTOR_BYTES_MAX, "person %zu", index + 1);
}

/** JSON, or else a plain text. */
static json_t *parse_value(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	return value ? value : json_string(text);
}

static void answer(struct plan_dry_drive *drive, const char *run_id, const char *step,
		   const json_t *record, const char *text)
{
	const json_t *args = json_object_get(record, "args");
	json_int_t quorum = json_integer_value(json_object_get(args, "quorum"));
	bool is_no = strcmp(text, "no") == 0;
	json_t *value = is_no || strcmp(text, "yes") == 0 ? NULL : parse_value(text);
	char *value_json = value ? plan_json_text(value) : NULL;
	for (json_int_t i = 0; i == 0 || (i < quorum && !is_no); i++) {
		struct err_note why = {{0}};
		char actor[ACTOR_BYTES_MAX];
		name_person(json_object_get(args, "who"), (size_t)i, actor);
		struct plan_answer_of given = {
			.is_approved = !is_no, .value_json = value_json, .actor = actor};
		if (plan_engine_answer_as(drive->world->engine, run_id, step, &given, &why) != 0)
			json_object_set_new(drive->refused, step, json_string(why.text));
	}
	mem_free(value_json);
	json_decref(value);
}

static void on_record(void *arg, struct slice text)
{
	json_t *open = arg;
	json_t *record = json_loadb(text.data, text.length, 0, NULL);
	const char *type = json_string_value(json_object_get(record, "type"));
	const char *step = json_string_value(json_object_get(record, "step"));
	if (step && strcmp(type, "AskOpened") == 0)
		json_object_set(open, step, record);
	else if (step && strcmp(type, "AskAnswered") == 0)
		json_object_del(open, step);
	json_decref(record);
}

static void on_run(void *arg, const struct run_summary *run)
{
	json_array_append_new(arg, json_string(run->id));
}

/** Answers every question that is open. */
static void on_look(void *arg)
{
	struct plan_dry_drive *drive = arg;
	json_t *runs = json_array(), *record;
	plan_engine_each_run(drive->world->engine, true, on_run, runs);
	for (size_t i = 0; i < json_array_size(runs); i++) {
		const char *run_id = json_string_value(json_array_get(runs, i)), *step;
		json_t *open = json_object();
		plan_engine_each_record(drive->world->engine, run_id, on_record, open, NULL);
		json_object_foreach(open, step, record)
		{
			const struct policy *policy = find(drive, POLICY_ANSWER, step);
			if (policy && !json_object_get(drive->refused, step))
				answer(drive, run_id, step, record, policy->value);
		}
		json_decref(open);
	}
	json_decref(runs);
}

/** One that comes before it is waited for is kept. */
static void send_signals(const struct plan_dry_drive *drive)
{
	const struct plan_operator by = {.actor = starter};
	for (uint32_t i = 0; i < drive->policy_count; i++) {
		const struct policy *policy = &drive->policies[i];
		struct err_note why = {{0}};
		if (policy->kind != POLICY_SIGNAL)
			continue;
		json_t *value = policy->value ? parse_value(policy->value) : json_null();
		char *text = plan_json_text(value);
		if (plan_engine_signal(drive->world->engine, drive->run_id, policy->name, text, &by,
				       &why) != 0)
			json_object_set_new(drive->refused, policy->name, json_string(why.text));
		mem_free(text);
		json_decref(value);
	}
}

/* ---- the run ---- */

struct state {
	const char *id;
	enum run_state state;
	bool has_ended;
	char *waiting_for;
};

static void read_state(void *arg, const struct run_summary *run)
{
	struct state *state = arg;
	if (strcmp(run->id, state->id) != 0)
		return;
	state->state = run->state;
	state->has_ended = run->ended_ms != 0;
	mem_free(state->waiting_for);
	state->waiting_for = mem_copy_text(run->waiting_for);
}

static void end_alerts(struct plan_dry_drive *drive)
{
	uint64_t number;
	drive->resolve_ms = INT64_MAX;
	if (drive->alert)
		plan_world_alert(drive->world, drive->alert, false, &number, NULL);
	else
		json_object_set_new(drive->world->incident, "firing_count", json_integer(0));
	plan_world_advance(drive->world, 0);
}

static void go_on(struct plan_dry_drive *drive)
{
	struct state state = {.id = drive->run_id};
	int64_t stuck_ms = 0;
	while (!state.has_ended && stuck_ms < STUCK_MS) {
		int64_t left_ms = drive->resolve_ms - plan_world_now_ms(drive->world);
		int64_t by_ms = left_ms < LOOK_MS ? left_ms : LOOK_MS;
		plan_world_advance(drive->world, by_ms);
		if (left_ms <= LOOK_MS)
			end_alerts(drive);
		plan_engine_each_run(drive->world->engine, false, read_state, &state);
		if (state.state == RUN_IN_DOUBT || state.state == RUN_BLOCKED)
			stuck_ms += by_ms;
		else
			stuck_ms = 0;
	}
	drive->has_ended = state.has_ended;
	drive->is_done = state.state == RUN_DONE;
	drive->waiting_for = state.waiting_for;
}

int plan_dry_drive_run(struct plan_dry_drive *drive, const char *plan, const char *params_json,
		       uint64_t incident, struct err_note *why)
{
	struct plan_start start = {.plan = plan,
				   .params_json = params_json,
				   .incident = incident,
				   .starter = starter,
				   .cause = "a dry run"};
	int code = plan_engine_start(drive->world->engine, &start, &drive->run_id, why);
	if (code != 0)
		return code;
	plan_world_advance(drive->world, 0);
	send_signals(drive);
	go_on(drive);
	return 0;
}

int plan_dry_drive_open(struct plan_dry_drive *drive, struct err_note *why)
{
	struct plan_world_options options = {.begin_ms = drive->begin_ms,
					     .on_effect = on_effect,
					     .on_fact = on_fact,
					     .arg = drive};
	int code = plan_world_new(&drive->world, &options, why);
	if (code != 0)
		return code;
	drive->look = timer_new(drive->world->loop, on_look, drive);
	drive->refused = json_object();
	return 0;
}

void plan_dry_drive_close(struct plan_dry_drive *drive)
{
	if (drive->look)
		timer_free(drive->look);
	plan_world_free(drive->world);
	for (uint32_t i = 0; i < drive->policy_count; i++)
		mem_free(drive->policies[i].name);
	json_decref(drive->refused);
	json_decref(drive->alert);
	mem_free(drive->run_id);
	mem_free(drive->waiting_for);
}
