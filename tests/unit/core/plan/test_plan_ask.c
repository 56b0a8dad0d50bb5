#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <string.h>

static int answer(struct world *world, bool is_approved, const char *value, const char *actor,
		  struct err_note *why)
{
	struct plan_answer_of answer = {is_approved, value, actor, "uid:0(root)", "seen"};
	struct world_run run = world_run(world, 0);
	*why = (struct err_note){{0}};
	return plan_engine_answer_as(world->engine, run.id, NULL, &answer, why);
}

static void open_ask(struct world *world, const struct plan_call *script)
{
	world_open(world, script);
	world_plan(world, NULL);
	world_trigger(world, 7);
}

struct ask_case {
	const char *args;
	const char *sentence;
};

Test(plan_ask, wrong_questions_raise_with_a_sentence)
{
	static const struct ask_case cases[] = {
		{"{\"text\":\"?\",\"who\":3}", "ask.who must be a name or a list of 1 to 50 names"},
		{"{\"text\":\"?\",\"who\":[]}", "ask.who must be a name or a list"},
		{"{\"text\":\"?\",\"quorum\":0}", "ask.quorum must be a whole number from 1 to 20"},
		{"{\"text\":\"?\",\"quorum\":21}", "from 1 to 20"},
		{"{\"text\":\"?\",\"quorum\":2,\"who\":\"ann\"}",
		 "ask.quorum is 2, but ask.who names 1: nobody can reach it"},
		{"{\"text\":\"?\",\"not_starter\":1}", "ask.not_starter must be true or false"},
		{"{\"text\":\"?\",\"schema\":\"date\"}", "ask.schema must be \"text\""},
		{"{\"text\":\"?\",\"schema\":{\"fields\":{\"a\":{\"min\":\"1\"}}}}",
		 "ask.schema.a.min must be a number"},
		{"{\"text\":\"?\",\"schema\":{\"least\":1}}", "\"least\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct plan_call script[] = {ASK(cases[i].args), END};
		struct world world;
		open_ask(&world, script);
		cr_assert_eq(world.answer_count, 1, "case %zu", i);
		cr_expect(strstr(world.answers[0], cases[i].sentence), "case %zu: %s", i,
			  world.answers[0]);
		world_close(&world);
	}
}

struct value_case {
	const char *schema, *value, *sentence; /* NULL: it fits */
};

Test(plan_ask, value_must_be_of_the_schema)
{
	static const struct value_case cases[] = {
		{"\"text\"", "\"x\"", NULL},
		{"\"text\"", "1", "the value of the answer must be a text"},
		{"\"text\"", NULL, "the value of the answer must be a text"},
		{"\"number\"", "1.5", NULL},
		{"\"whole\"", "1.5", "must be a whole number"},
		{"\"boolean\"", "true", NULL},
		{"\"boolean\"", "\"true\"", "must be true or false"},
		{"{\"type\":\"whole\",\"min\":1,\"max\":100}", "0", "must be at least 1"},
		{"{\"type\":\"whole\",\"min\":1,\"max\":100}", "1", NULL},
		{"{\"type\":\"whole\",\"min\":1,\"max\":100}", "100", NULL},
		{"{\"type\":\"whole\",\"min\":1,\"max\":100}", "101", "must be at most 100"},
		{"{\"type\":\"text\",\"max\":3}", "\"abcd\"", "must be at most 3 bytes"},
		{"{\"choices\":[\"a\",null]}", "null", NULL},
		{"{\"choices\":[\"a\",1]}", "2", "must be one of [\"a\",1]"},
		{"{\"fields\":{\"dc\":\"text\"}}", "{\"dc\":\"x\"}", NULL},
		{"{\"fields\":{\"dc\":\"text\"}}", "3", "must be an object of dc"},
		{"{\"fields\":{\"dc\":\"text\"}}", "{}", "answer.dc must be a text"},
		{"{\"fields\":{\"dc\":{\"type\":\"text\",\"optional\":true}}}", "{}", NULL},
		{"{\"fields\":{\"dc\":\"text\"}}", "{\"dc\":\"x\",\"y\":1}", "no member \"y\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err_note why;
		struct world world;
		char *args = mem_format("{\"text\":\"?\",\"schema\":%s}", cases[i].schema);
		const struct plan_call script[] = {ASK(args), END};
		open_ask(&world, script);
		int code = answer(&world, true, cases[i].value, "ann", &why);
		cr_expect_eq(code, cases[i].sentence ? ERR_INVALID : 0, "case %zu: %s", i,
			     why.text);
		if (cases[i].sentence)
			cr_expect(strstr(why.text, cases[i].sentence), "case %zu: %s", i, why.text);
		if (code != 0) /* to say no, no value is needed */
			cr_expect_eq(answer(&world, false, NULL, "ann", &why), 0, "%s", why.text);
		world_turn(&world);
		cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "case %zu", i);
		world_close(&world);
		mem_free(args);
	}
}

Test(plan_ask, only_who_is_asked_may_answer)
{
	static const struct plan_call script[] = {
		ASK("{\"text\":\"?\",\"who\":[\"ann\",\"bob\"],\"not_starter\":true}"), END};
	struct world world;
	struct err_note why;
	open_ask(&world, script);
	world.engine->runs[0]->starter = mem_copy_text("bob");
	cr_expect(strstr(world_run(&world, 0).waiting_for, "for ann, bob"));
	cr_expect_eq(answer(&world, true, NULL, "eve", &why), ERR_DENIED);
	cr_expect_str_eq(why.text, "eve may not answer sure#1: it asks ann, bob");
	cr_expect_eq(answer(&world, false, NULL, "eve", &why), ERR_DENIED);
	cr_expect_eq(answer(&world, true, NULL, "bob", &why), ERR_DENIED);
	cr_expect_str_eq(why.text, "bob may not answer sure#1: who started the run may not");
	struct world_run run = world_run(&world, 0);
	char *journal = world_journal(&world, run.id);
	cr_expect_str_eq(journal, "RunStarted AskOpened", "a refused answer leaves nothing");
	mem_free(journal);
	cr_expect_eq(answer(&world, true, NULL, "ann", &why), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

/** Ann and Bob are commanders; Cyd is on call. */
static bool is_among(void *arg, uint64_t incident, const char *who, const char *actor)
{
	(void)arg, (void)incident;
	return strcmp(who, "role:commander") == 0
		       ? strcmp(actor, "ann") == 0 || strcmp(actor, "bob") == 0
		       : strcmp(who, "schedule:pay") == 0 && strcmp(actor, "cyd") == 0;
}

Test(plan_ask, who_has_a_role_or_is_on_call_is_asked_when_the_answer_comes)
{
	static const struct plan_call script[] = {
		ASK("{\"text\":\"?\",\"who\":[\"role:commander\",\"schedule:pay\",\"zoe\"],"
		    "\"quorum\":4}"),
		END};
	static const char *const people[] = {"ann", "cyd", "zoe", "bob"};
	struct world world;
	struct err_note why;
	open_ask(&world, script);
	cr_expect_eq(answer(&world, true, NULL, "ann", &why), ERR_DENIED, "nobody says who it is");
	world.engine->options.is_among = is_among;
	cr_expect_eq(answer(&world, true, NULL, "eve", &why), ERR_DENIED);
	cr_expect_str_eq(why.text,
			 "eve may not answer sure#1: it asks role:commander, schedule:pay, zoe");
	cr_expect_eq(answer(&world, true, NULL, "role:commander", &why), ERR_DENIED);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(answer(&world, true, NULL, people[i], &why), 0, "%s", why.text);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

static const struct plan_call two_wanted[] = {
	ASK("{\"text\":\"?\",\"quorum\":2,\"expires\":60,\"on_expire\":\"reject\"}"), END};

Test(plan_ask, quorum_waits_for_different_people_with_the_same_value)
{
	struct world world;
	struct err_note why;
	open_ask(&world, two_wanted);
	cr_expect_str_eq(world_run(&world, 0).waiting_for, "sure#1: ? (0 of 2)");
	cr_expect_eq(answer(&world, true, "\"a\"", "ann", &why), 0);
	cr_expect_str_eq(world_run(&world, 0).waiting_for, "sure#1: ? (1 of 2)");
	world_turn(&world);
	world_restart(&world);
	cr_expect_str_eq(world_run(&world, 0).waiting_for, "sure#1: ? (1 of 2)");
	cr_expect_eq(answer(&world, true, "\"a\"", "ann", &why), ERR_CONFLICT);
	cr_expect_str_eq(why.text, "ann has answered sure#1 already; it waits for others");
	cr_expect_eq(answer(&world, true, "\"b\"", "bob", &why), ERR_CONFLICT);
	cr_expect_str_eq(why.text, "ann has approved \"a\": approve the same value, or reject");
	cr_expect_eq(answer(&world, true, "\"a\"", "bob", &why), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_str_eq(
		world.answers[0],
		"{\"actor\":\"bob\",\"answers\":["
		"{\"actor\":\"ann\",\"reason\":\"seen\",\"value\":\"a\"},"
		"{\"actor\":\"bob\",\"reason\":\"seen\",\"value\":\"a\"}],"
		"\"approved\":true,\"expired\":false,\"reason\":\"seen\",\"value\":\"a\"}");
	world_close(&world);
}

Test(plan_ask, one_no_decides_and_too_few_expire)
{
	for (int expires = 0; expires < 2; expires++) {
		struct world world;
		struct err_note why;
		open_ask(&world, two_wanted);
		cr_expect_eq(answer(&world, true, NULL, "ann", &why), 0);
		if (expires)
			world_advance(&world, 60000);
		else
			cr_expect_eq(answer(&world, false, NULL, "bob", &why), 0);
		world_turn(&world);
		cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
		cr_expect(strstr(world.answers[0], "\"approved\":false"), "%s", world.answers[0]);
		cr_expect(strstr(world.answers[0], "\"answers\":[{\"actor\":\"ann\""), "%s",
			  world.answers[0]);
		cr_expect_eq(!strstr(world.answers[0], "not enough answers in time"), !expires);
		cr_expect_eq(answer(&world, true, NULL, "eve", &why), ERR_CONFLICT);
		world_close(&world);
	}
}

Test(plan_ask, answer_after_expiry_is_refused_also_while_paused)
{
	struct world world;
	struct err_note why;
	open_ask(&world, two_wanted);
	struct world_run run = world_run(&world, 0);
	struct plan_operator by = {"ann", NULL, "wait"};
	cr_expect_eq(plan_engine_pause(world.engine, run.id, &by, &why), 0);
	world_advance(&world, 60000);
	cr_expect_eq(answer(&world, true, NULL, "ann", &why), ERR_CONFLICT);
	cr_expect_str_eq(why.text, "sure#1 has expired");
	cr_expect_eq(plan_engine_go_on(world.engine, run.id, &by, &why), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect(strstr(world.answers[0], "\"expired\":true"));
	world_close(&world);
}
