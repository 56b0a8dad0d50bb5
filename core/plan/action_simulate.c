/* A try that is not made: the simulator says what a good one would give, whoever runs the plan dry
 * may say something else, and the step hears it later, as it would from the world. */
#include "core/plan/action_internal.h"

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_json.h"

void plan_action_free_reply(struct plan_action_run *run)
{
	if (!run->reply)
		return;
	mem_free(run->reply->result_json);
	mem_free(run->reply->error);
	mem_free(run->reply);
}

static void on_reply(void *arg)
{
	struct plan_action_run *run = arg;
	struct plan_reply reply = *run->reply;
	mem_free(run->reply);
	run->reply = NULL;
	reply.result.result_json = reply.result_json;
	reply.result.error = reply.error;
	plan_action_finish(run, &reply.result);
	mem_free(reply.result_json);
	mem_free(reply.error);
}

static void tell(const struct plan_action_run *run, const json_t *args, struct plan_reply *reply)
{
	const struct plan_simulation *simulation = &run->actions->simulation;
	struct bytes text = BYTES_EMPTY;
	char *args_json = plan_json_text(args);
	run->type->describe(args, &text);
	struct plan_effect effect = {.action = run->type->name,
				     .args_json = args_json,
				     .key = run->idempotency_key,
				     .text = text.length > 0 ? text.data : "",
				     .incident = run->incident,
				     .timeout_ms = run->timeout_ms};
	if (simulation->on_effect)
		simulation->on_effect(simulation->arg, &effect, reply);
	bytes_deinit(&text);
	mem_free(args_json);
}

void plan_action_reply_soon(struct plan_action_run *run, const struct plan_reply *reply)
{
	run->reply = mem_alloc(sizeof(*run->reply));
	*run->reply = *reply;
	run->soon = timer_new(run->actions->options.loop, on_reply, run);
	timer_set(run->soon, reply->after_ms);
}

int plan_action_simulate(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	struct plan_reply reply = {.result = {.is_ok = true}};
	json_t *result = NULL;
	int code = run->type->simulate(run->actions, args, &result, why);
	if (code != 0)
		return code;
	reply.result_json = plan_json_text(result);
	json_decref(result);
	tell(run, args, &reply);
	if (reply.after_ms >= run->timeout_ms) {
		mem_free(reply.result_json);
		mem_free(reply.error);
		reply = (struct plan_reply){
			.result = {.is_unknown = true},
			.error = mem_format("no answer within %lld ms", (long long)run->timeout_ms),
			.after_ms = run->timeout_ms};
	}
	plan_action_reply_soon(run, &reply);
	return 0;
}

int action_simulate_nothing(const struct plan_actions *actions, const json_t *args, json_t **result,
			    struct err_note *why)
{
	(void)actions;
	(void)args;
	(void)why;
	*result = json_object();
	return 0;
}
