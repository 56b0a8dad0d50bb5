/* group.create: a chat for those who handle the incident. WeCom takes an id of ours and Feishu a
 * word that it answers once; both follow from the step, so a second try finds the first one's chat.
 *
 *      token -> create -> greet -> done           WeCom shows no chat before its first message
 *                  `-> look -^   WeCom: the id is taken: is it ours?
 */
#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/config/config_actions.h"
#include "core/loop/http_client.h"
#include "core/loop/loop.h"
#include "core/plan/action_request.h"
#include "core/plan/fill.h"
#include "core/plan/group_request.h"
#include "core/plan/journal.h"
#include "core/plan/plan_json.h"

#include <string.h>

enum { NAME_LETTERS_MAX = 50, TEXT_BYTES_MAX = 2000, PEOPLE_MAX = 100 };

struct work {
	struct plan_action_run *run;
	struct config *config; /* held: what `ask` borrows is its */
	struct group_ask ask;
	struct http_call *call;
	int64_t end_ms; /* monotonic */
	json_t *names;  /* text, key, users, … */
	json_t *members, *missing;
	char *refusal; /* of create, while it is looked whether the chat is there */
};

static int check_people(const json_t *people, struct err_note *why)
{
	size_t count = json_array_size(people);
	bool is_good = json_is_array(people) && count > 0 && count <= PEOPLE_MAX;
	for (size_t i = 0; is_good && i < count; i++)
		is_good = json_is_string(json_array_get(people, i));
	if (is_good)
		return 0;
	return err_set(why, ERR_INVALID,
		       "group.create: people must be a list of 1 to %d names, like { "
		       "\"schedule:payments\", \"role:commander\", \"wang\" }",
		       PEOPLE_MAX);
}

static size_t count_letters(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"to", "name", "people", "text", NULL};
	const char *to, *name, *text = NULL;
	int code = plan_json_check_names(args, "group.create", names, why);
	if (code == 0)
		code = action_text(args, "group.create", "to", &to, why);
	if (code == 0)
		code = action_text(args, "group.create", "name", &name, why);
	if (code == 0)
		code = action_text(args, "group.create", "text", &text, why);
	if (code == 0 && count_letters(name) > NAME_LETTERS_MAX)
		code = err_set(why, ERR_INVALID, "group.create: name has more than %d letters",
			       NAME_LETTERS_MAX);
	if (code == 0 && strlen(text) > TEXT_BYTES_MAX)
		code = err_set(why, ERR_INVALID, "group.create: text is longer than %d bytes",
			       TEXT_BYTES_MAX);
	if (code == 0)
		code = check_people(json_object_get(args, "people"), why);
	if (code == 0 && !config_find_group(actions->config, to))
		code = err_set(why, ERR_NOT_FOUND,
			       "group.create: the site has no group \"%.64s\" (groups in "
			       "tocsin.lua)",
			       to);
	*default_effect = EFFECT_IDEMPOTENT;
	return code;
}

/* ---- the end ---- */

static void free_work(struct work *work)
{
	json_decref(work->names);
	json_decref(work->members);
	json_decref(work->missing);
	mem_free(work->refusal);
	config_unref(work->config);
	mem_free(work);
}

static void finish(struct work *work, const struct plan_action_result *result)
{
	struct plan_action_run *run = work->run;
	run->work = NULL;
	plan_action_finish(run, result);
	free_work(work);
}

static void finish_well(struct work *work)
{
	json_t *chat = json_object_get(work->names, "chat");
	json_t *json = json_object();
	struct bytes note = BYTES_EMPTY;
	json_object_set(json, "group", chat);
	json_object_set(json, "members", work->members);
	json_object_set(json, "missing", work->missing);
	bytes_append_format(&note, "group %.100s, %zu members", json_string_value(chat),
			    json_array_size(work->members));
	if (json_array_size(work->missing) > 0)
		bytes_append_format(&note, ", %zu people have no id there",
				    json_array_size(work->missing));
	char *text = plan_json_text(json);
	finish(work,
	       &(struct plan_action_result){.is_ok = true, .result_json = text, .note = note.data});
	mem_free(text);
	json_decref(json);
	bytes_deinit(&note);
}

/* ---- one request after the other ---- */

static void ask_next(struct work *work, enum group_stage stage);

static void fail(struct work *work, struct plan_action_result result, const char *text)
{
	static const char *const what[] = {"asking for a token", "making the group",
					   "looking for the group", "the first message"};
	char *error = mem_format("%s: %s", what[work->ask.stage], text);
	/* A token and a look are questions. */
	if (work->ask.stage == GROUP_TOKEN || work->ask.stage == GROUP_LOOK)
		result = (struct plan_action_result){.can_retry = true};
	result.error = error;
	finish(work, &result);
	mem_free(error);
}

static void refuse(struct work *work, const struct group_answer *answer)
{
	char *text = mem_format("code %lld: %.200s", (long long)answer->code, answer->message);
	if (work->ask.stage == GROUP_CREATE && !work->ask.group->is_feishu && !answer->is_busy) {
		work->refusal = text;
		ask_next(work, GROUP_LOOK);
		return;
	}
	if (work->ask.stage == GROUP_LOOK) {
		work->ask.stage = GROUP_CREATE;
		fail(work, (struct plan_action_result){0}, work->refusal);
	} else {
		fail(work,
		     (struct plan_action_result){.can_retry = answer->is_busy,
						 .can_repeat = work->ask.stage == GROUP_GREET},
		     text);
	}
	mem_free(text);
}

static void go_on(struct work *work, const struct group_answer *answer)
{
	switch (work->ask.stage) {
	case GROUP_TOKEN:
		json_object_set_new(work->names, "token",
				    plan_json_clean(slice_of(answer->text), SIZE_MAX));
		json_array_append_new(work->run->secrets,
				      plan_json_clean(slice_of(answer->text), SIZE_MAX));
		ask_next(work, GROUP_CREATE);
		break;
	case GROUP_CREATE:
		json_object_set_new(work->names, "chat",
				    plan_json_clean(slice_of(answer->text), 200));
		ask_next(work, GROUP_GREET);
		break;
	case GROUP_LOOK:
		json_object_set(work->names, "chat", json_object_get(work->names, "key"));
		ask_next(work, GROUP_GREET);
		break;
	case GROUP_GREET: finish_well(work); break;
	}
}

static void on_answer(void *arg, const struct http_result *http)
{
	struct work *work = arg;
	struct plan_action_result result = {0};
	struct bytes error = BYTES_EMPTY;
	struct group_answer answer = {.json = NULL};
	work->call = NULL;
	action_request_judge(http, &result, &error);
	if (http->code != 0) {
		/* Not its own sentence: that has the URL, which has the token. */
		fail(work, result, err_sentence(http->code));
	} else if (!group_read_answer(&work->ask, http->body, &answer)) {
		result.can_repeat = true;
		result.is_ok = false;
		fail(work, result, error.length > 0 ? error.data : "the answer is not understood");
	} else if (answer.code != 0) {
		refuse(work, &answer);
	} else {
		go_on(work, &answer);
	}
	group_answer_deinit(&answer);
	bytes_deinit(&error);
}

static int send(struct work *work, enum group_stage stage, struct err_note *why)
{
	const struct plan_actions_options *options = &work->run->actions->options;
	struct group_request request;
	int64_t left_ms = work->end_ms - loop_mono_ms(options->loop);
	work->ask.stage = stage;
	group_make_request(&work->ask, work->names, &request);
	struct http_call_options call = {
		.method = request.method,
		.url = request.url.data,
		.headers = request.headers,
		.body = bytes_slice(&request.body),
		.total_ms = left_ms > 1 ? left_ms : 1,
		.is_sent_once = true,
	};
	int code = http_call_start(&work->call, options->client, &call, on_answer, work, NULL);
	group_request_deinit(&request);
	return code == 0 ? 0 : err_set(why, code, "group.create: %s", err_sentence(code));
}

static void ask_next(struct work *work, enum group_stage stage)
{
	struct err_note why = {{0}};
	if (send(work, stage, &why) != 0)
		fail(work, (struct plan_action_result){.can_retry = true}, why.text);
}

/* ---- who ---- */

static void add_person(void *arg, const char *person)
{
	struct work *work = arg;
	const char *user = config_group_user(work->ask.group, person);
	json_t *list = user ? work->members : work->missing;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (strcmp(json_string_value(json_array_get(list, i)), person) == 0)
			return;
	}
	json_array_append_new(list, json_string(person));
	if (user)
		json_array_append_new(json_object_get(work->names, "users"), json_string(user));
}

static int find_people(struct work *work, const json_t *people, struct err_note *why)
{
	const struct plan_actions_options *options = &work->run->actions->options;
	const size_t least = work->ask.group->is_feishu ? 1 : 2;
	for (size_t i = 0; i < json_array_size(people); i++) {
		const char *who = json_string_value(json_array_get(people, i));
		int code = options->people(options->arg, who, add_person, work, why);
		if (code != 0)
			return code;
	}
	if (json_array_size(work->members) < least)
		return err_set(why, ERR_NOT_FOUND,
			       "group.create: %zu of the people have an id in group \"%.64s\"; at "
			       "least %zu are needed",
			       json_array_size(work->members), work->ask.group->name, least);
	return 0;
}

static json_t *make_names(const struct config_group *group, const json_t *args, const char *key)
{
	json_t *names = json_object();
	char hash[33];
	journal_hash(slice_of(key), hash);
	json_object_set(names, "name", json_object_get(args, "name"));
	json_object_set(names, "text", json_object_get(args, "text"));
	json_object_set_new(names, "key", json_string(hash));
	json_object_set_new(names, "app", json_string(group->app));
	json_object_set_new(names, "users", json_array());
	if (group->owner)
		json_object_set_new(names, "owner", json_string(group->owner));
	return names;
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	struct plan_actions *actions = run->actions;
	char *secret = NULL;
	if (!actions->options.client || !actions->options.people)
		return err_set(why, ERR_UNSUPPORTED, "group.create: there are no people here");
	struct work *work = mem_alloc(sizeof(*work));
	work->run = run;
	work->config = config_ref(actions->config);
	work->ask.group =
		config_find_group(actions->config, json_string_value(json_object_get(args, "to")));
	work->names = make_names(work->ask.group, args, run->idempotency_key);
	work->members = json_array();
	work->missing = json_array();
	work->end_ms = loop_mono_ms(actions->options.loop) + run->timeout_ms;
	int code = find_people(work, json_object_get(args, "people"), why);
	if (code == 0)
		code = secret_read(work->ask.group->secret, &secret, why);
	if (code != 0) {
		free_work(work);
		return code;
	}
	json_object_set_new(work->names, "secret", plan_json_clean(slice_of(secret), SIZE_MAX));
	json_array_append_new(run->secrets, plan_json_clean(slice_of(secret), SIZE_MAX));
	mem_free(secret);
	code = send(work, GROUP_TOKEN, why);
	if (code != 0)
		free_work(work);
	else
		run->work = work;
	return code;
}

static void cancel(struct plan_action_run *run)
{
	struct work *work = run->work;
	if (!work)
		return;
	http_call_cancel(work->call);
	free_work(work);
}

static void describe(const json_t *args, struct bytes *out)
{
	const char *to = json_string_value(json_object_get(args, "to"));
	json_t *name =
		plan_json_clean(slice_of(json_string_value(json_object_get(args, "name"))), 200);
	bytes_append_format(out, "group in %s: %s", to ? to : "?", json_string_value(name));
	json_decref(name);
}

static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	(void)actions, (void)why;
	*result = json_pack("{s:s, s:O, s:[]}", "group", "dry", "members",
			    json_object_get(args, "people"), "missing");
	return 0;
}

const struct plan_action_type action_group = {.name = "group.create",
					      .validate = validate,
					      .start = start,
					      .cancel = cancel,
					      .describe = describe,
					      .simulate = simulate};
