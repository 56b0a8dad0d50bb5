/* A question to people.
 *
 *      AskOpened -answer-> AskVoted … -the last one that `quorum` wants, or a no-> AskAnswered
 *                -expires-> AskAnswered as `on_expire` says
 *
 *  Who may answer is decided when the answer comes, before anything is written: a refused answer
 *  leaves no record.
 */
#include "core/plan/plan_branch.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/answer_schema.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <string.h>

enum { QUORUM_MAX = 20, WHO_MAX = 50 };

static const char *const expire_choices[] = {"reject", "approve", "fail"};

static const char *on_expire_of(const json_t *args)
{
	const char *text = json_string_value(json_object_get(args, "on_expire"));
	return text ? text : "reject";
}

static json_int_t quorum_of(const json_t *args)
{
	const json_t *quorum = json_object_get(args, "quorum");
	return quorum ? json_integer_value(quorum) : 1;
}

static int check_on_expire(const json_t *args, struct err_note *why)
{
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(expire_choices[i], on_expire_of(args)) == 0)
			return 0;
	}
	return err_set(why, ERR_INVALID,
		       "ask.on_expire must be \"reject\", \"approve\" or \"fail\"");
}

/** "role:commander", "schedule:payments": who that is, is asked when an answer comes. */
static bool is_group(const char *name)
{
	return strncmp(name, "role:", 5) == 0 || strncmp(name, "schedule:", 9) == 0;
}

/** How many may answer; a role may be many people's. */
static size_t count_people(const json_t *who)
{
	const char *one = json_string_value(who);
	if (one)
		return is_group(one) ? QUORUM_MAX : 1;
	for (size_t i = 0; i < json_array_size(who); i++) {
		if (is_group(json_string_value(json_array_get(who, i))))
			return QUORUM_MAX;
	}
	return json_array_size(who);
}

static int check_people(const json_t *args, struct err_note *why)
{
	const json_t *who = json_object_get(args, "who");
	const json_t *quorum = json_object_get(args, "quorum");
	const json_t *not_starter = json_object_get(args, "not_starter");
	size_t count = json_array_size(who);
	bool is_list = json_is_array(who) && count >= 1 && count <= WHO_MAX;
	for (size_t i = 0; i < count; i++)
		is_list = is_list && json_is_string(json_array_get(who, i));
	if (who && !json_is_string(who) && !is_list)
		return err_set(why, ERR_INVALID,
			       "ask.who must be a name or a list of 1 to %d names", WHO_MAX);
	if (quorum &&
	    (!json_is_integer(quorum) || quorum_of(args) < 1 || quorum_of(args) > QUORUM_MAX))
		return err_set(why, ERR_INVALID, "ask.quorum must be a whole number from 1 to %d",
			       QUORUM_MAX);
	if (not_starter && !json_is_boolean(not_starter))
		return err_set(why, ERR_INVALID, "ask.not_starter must be true or false");
	if (who && quorum_of(args) > (json_int_t)count_people(who))
		return err_set(why, ERR_INVALID,
			       "ask.quorum is %lld, but ask.who names %zu: nobody can reach it",
			       (long long)quorum_of(args), count_people(who));
	return 0;
}

static int check_ask(const json_t *args, int64_t *expires_ms, struct err_note *why)
{
	static const char *const names[] = {"text",        "who",     "expires",
					    "on_expire",   "choices", "schema",
					    "not_starter", "quorum",  NULL};
	const json_t *expires = json_object_get(args, "expires");
	const json_t *choices = json_object_get(args, "choices");
	*expires_ms = 0;
	if (!json_is_object(args) || !json_is_string(json_object_get(args, "text")))
		return err_set(why, ERR_INVALID, "an ask needs a text");
	int code = plan_json_check_names(args, "ask", names, why);
	if (code == 0 && expires && (plan_json_span(expires, expires_ms) != 0 || *expires_ms < 1))
		code = err_set(why, ERR_INVALID, "ask.expires must be a span such as \"30m\"");
	if (code == 0 && choices && !json_is_array(choices))
		code = err_set(why, ERR_INVALID, "ask.choices must be a list");
	if (code == 0)
		code = answer_schema_check(json_object_get(args, "schema"), "ask.schema", why);
	if (code == 0)
		code = check_people(args, why);
	return code == 0 ? check_on_expire(args, why) : code;
}

static void append_names(const json_t *who, struct bytes *out)
{
	const char *one = json_string_value(who);
	if (one)
		bytes_append_format(out, "%.100s", one);
	for (size_t i = 0; i < json_array_size(who); i++)
		bytes_append_format(out, "%s%.100s", i > 0 ? ", " : "",
				    json_string_value(json_array_get(who, i)));
}

static void describe(const struct plan_branch *branch, const json_t *args, struct bytes *out)
{
	const char *question = json_string_value(json_object_get(args, "text"));
	const json_t *who = json_object_get(args, "who");
	json_int_t quorum = quorum_of(args);
	bytes_append_format(out, "%s: %s", branch->call.step, question ? question : "");
	if (who)
		bytes_append_text(out, " - for ");
	append_names(who, out);
	if (quorum > 1)
		bytes_append_format(out, " (%zu of %lld)", json_array_size(branch->call.votes),
				    (long long)quorum);
}

static void fail(struct plan_branch *branch, const char *error)
{
	struct journal_record record = {
		.type = RECORD_ASK_ANSWERED, .step = branch->call.step, .error = error};
	branch_record(branch, &record);
}

struct plan_question ask_question(const struct plan_branch *branch, const json_t *args)
{
	return (struct plan_question){
		.run_id = branch->run->id,
		.plan = branch->run->plan,
		.step = branch->call.step,
		.incident = branch->run->incident,
		.starter = branch->run->starter,
		.expires_ms = branch->call.due_ms,
		.args = args,
		.votes = branch->call.votes,
	};
}

static void tell_people(struct plan_branch *branch, const json_t *args)
{
	const struct plan_engine *engine = branch->run->engine;
	struct plan_question question = ask_question(branch, args);
	if (engine->options.on_ask)
		engine->options.on_ask(engine->options.arg, &question);
}

void ask_open(struct plan_branch *branch, struct journal_record *record)
{
	struct err_note why = {{0}};
	struct bytes text = BYTES_EMPTY;
	int64_t expires_ms;
	json_t *args = plan_json_parse(record->args_json);
	int code = check_ask(args, &expires_ms, &why);
	record->type = RECORD_ASK_OPENED;
	record->due_ms = expires_ms > 0 ? engine_now(branch->run->engine) + expires_ms : 0;
	branch_record(branch, record);
	if (code != 0) {
		fail(branch, why.text);
	} else {
		describe(branch, args, &text);
		engine_fact(branch->run, "asked", "%s", text.data);
		tell_people(branch, args);
	}
	bytes_deinit(&text);
	json_decref(args);
}

void ask_continue(struct plan_branch *branch)
{
	struct bytes text = BYTES_EMPTY;
	json_t *args = plan_json_parse(branch->call.args_json);
	describe(branch, args, &text);
	branch_set_state(branch, RUN_ASKING, text.data);
	bytes_deinit(&text);
	json_decref(args);
	run_arm(branch->run);
}

/* ---- the answer ---- */

static json_t *value_of(const char *value_json)
{
	json_t *value = value_json ? plan_json_parse(value_json) : NULL;
	return value ? value : json_null();
}

static json_t *make_vote(const struct plan_answer_of *answer)
{
	json_t *vote = json_object();
	json_object_set_new(vote, "value", value_of(answer->value_json));
	json_object_set_new(vote, "actor", plan_json_clean(slice_of(answer->actor), 256));
	json_object_set_new(vote, "reason", plan_json_clean(slice_of(answer->reason), 4096));
	return vote;
}

static void tell(struct plan_branch *branch, const char *what, const struct plan_answer_of *answer)
{
	bool has_reason = answer->reason && answer->reason[0];
	engine_fact(branch->run, "answered", "%s: %s by %s%s%s", branch->call.step, what,
		    answer->actor, has_reason ? ": " : "", has_reason ? answer->reason : "");
}

static void decide(struct plan_branch *branch, const struct plan_answer_of *answer, bool is_expired,
		   json_int_t quorum)
{
	json_t *result = make_vote(answer);
	if (quorum > 1) {
		json_t *answers =
			branch->call.votes ? json_deep_copy(branch->call.votes) : json_array();
		if (answer->is_approved && !is_expired)
			json_array_append_new(answers, make_vote(answer));
		json_object_set_new(result, "answers", answers);
	}
	json_object_set_new(result, "approved", json_boolean(answer->is_approved));
	json_object_set_new(result, "expired", json_boolean(is_expired));
	char *text = plan_json_text(result);
	struct journal_record record = {.type = RECORD_ASK_ANSWERED,
					.step = branch->call.step,
					.result_json = text,
					.actor = answer->actor,
					.via = answer->via,
					.reason = answer->reason};
	branch_record(branch, &record);
	tell(branch, answer->is_approved ? "approved" : "rejected", answer);
	mem_free(text);
	json_decref(result);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

void ask_answer(struct plan_branch *branch, const struct plan_answer_of *answer)
{
	json_t *args = plan_json_parse(branch->call.args_json);
	json_int_t quorum = quorum_of(args);
	json_decref(args);
	if (!answer->is_approved || (json_int_t)json_array_size(branch->call.votes) + 1 >= quorum) {
		decide(branch, answer, false, quorum);
		return;
	}
	json_t *vote = make_vote(answer);
	char *text = plan_json_text(vote);
	struct journal_record record = {.type = RECORD_ASK_VOTED,
					.step = branch->call.step,
					.result_json = text,
					.actor = answer->actor,
					.via = answer->via,
					.reason = answer->reason};
	branch_record(branch, &record);
	tell(branch, "approved", answer);
	mem_free(text);
	json_decref(vote);
	ask_continue(branch);
}

void ask_on_due(struct plan_branch *branch)
{
	json_t *args = plan_json_parse(branch->call.args_json);
	struct plan_answer_of answer = {.is_approved = strcmp(on_expire_of(args), "approve") == 0,
					.actor = "engine",
					.reason = "nobody answered in time"};
	json_int_t quorum = quorum_of(args);
	bool is_failure = strcmp(on_expire_of(args), "fail") == 0;
	json_decref(args);
	if (quorum > 1)
		answer.reason = "not enough answers in time";
	if (!is_failure) {
		decide(branch, &answer, true, quorum);
		return;
	}
	fail(branch, answer.reason);
	engine_fact(branch->run, "answered", "%s: failed, %s", branch->call.step, answer.reason);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

/* ---- who may, and what ---- */

static bool is_one(const struct plan_branch *branch, const char *name, const char *actor)
{
	const struct plan_engine_options *options = &branch->run->engine->options;
	if (!is_group(name))
		return strcmp(name, actor) == 0;
	return options->is_among &&
	       options->is_among(options->arg, branch->run->incident, name, actor);
}

static bool is_named(const struct plan_branch *branch, const json_t *who, const char *actor)
{
	const char *one = json_string_value(who);
	if (one)
		return is_one(branch, one, actor);
	for (size_t i = 0; i < json_array_size(who); i++) {
		if (is_one(branch, json_string_value(json_array_get(who, i)), actor))
			return true;
	}
	return false;
}

static int check_actor(const struct plan_branch *branch, const json_t *args, const char *actor,
		       struct err_note *why)
{
	const json_t *who = json_object_get(args, "who");
	const char *step = branch->call.step, *starter = branch->run->starter;
	if (who && !is_named(branch, who, actor)) {
		struct bytes names = BYTES_EMPTY;
		append_names(who, &names);
		int code = err_set(why, ERR_DENIED, "%.100s may not answer %.200s: it asks %.400s",
				   actor, step, names.data);
		bytes_deinit(&names);
		return code;
	}
	if (json_is_true(json_object_get(args, "not_starter")) && starter &&
	    strcmp(starter, actor) == 0)
		return err_set(why, ERR_DENIED,
			       "%.100s may not answer %.200s: who started the run may not", actor,
			       step);
	for (size_t i = 0; i < json_array_size(branch->call.votes); i++) {
		const json_t *vote = json_array_get(branch->call.votes, i);
		if (strcmp(json_string_value(json_object_get(vote, "actor")), actor) == 0)
			return err_set(why, ERR_CONFLICT,
				       "%.100s has answered %.200s already; it waits for others",
				       actor, step);
	}
	return 0;
}

static int check_choice(const json_t *args, const json_t *value, struct err_note *why)
{
	const json_t *choices = json_object_get(args, "choices");
	bool is_known = !choices;
	for (size_t i = 0; !is_known && i < json_array_size(choices); i++)
		is_known = json_equal(json_array_get(choices, i), value);
	if (is_known)
		return answer_schema_fits(json_object_get(args, "schema"), value,
					  "the value of the answer", why);
	char *list = plan_json_text(choices);
	int code = err_set(why, ERR_INVALID, "the value of the answer must be one of %.400s", list);
	mem_free(list);
	return code;
}

/* Who approves approves the same thing. */
static int check_same(const struct open_call *call, const json_t *value, struct err_note *why)
{
	const json_t *vote = json_array_get(call->votes, 0);
	if (!vote || json_equal(json_object_get(vote, "value"), value))
		return 0;
	char *text = plan_json_text(json_object_get(vote, "value"));
	int code = err_set(why, ERR_CONFLICT,
			   "%.100s has approved %.200s: approve the same value, or reject",
			   json_string_value(json_object_get(vote, "actor")), text);
	mem_free(text);
	return code;
}

int ask_check(const struct plan_branch *branch, const struct plan_answer_of *answer,
	      struct err_note *why)
{
	const struct open_call *call = &branch->call;
	json_t *value = answer->value_json ? plan_json_parse(answer->value_json) : json_null();
	if (!value)
		return err_set(why, ERR_INVALID, "the value of the answer is not JSON");
	json_t *args = plan_json_parse(call->args_json);
	int code = 0;
	if (call->kind == PLAN_CALL_ASK) {
		if (call->due_ms != 0 && engine_now(branch->run->engine) >= call->due_ms)
			code = err_set(why, ERR_CONFLICT, "%.200s has expired", call->step);
		if (code == 0)
			code = check_actor(branch, args, answer->actor, why);
		if (code == 0 && answer->is_approved)
			code = check_choice(args, value, why);
		if (code == 0 && answer->is_approved)
			code = check_same(call, value, why);
	}
	json_decref(args);
	json_decref(value);
	return code;
}
