#include "core/plan/plan_drill.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_actions.h"

#include <criterion/criterion.h>

#include "world.h"

static struct config_pair outputs[] = {{"ops", "training"}, {"log", "log"}};
static struct config_pair hosts[] = {{"pay.example:8080", "drill.example"}, {"[::1]", "x:1"}};
static struct config_pair programs[] = {{"/bin/a", "/bin/b"}};
static const struct config_actions actions = {.drill = {.outputs = outputs,
							.output_count = 2,
							.http = hosts,
							.http_count = 2,
							.exec = programs,
							.exec_count = 1}};

struct mapped {
	const char *action, *args, *expected; /**< NULL: refused */
};

Test(plan_drill, targets_stand_for_what_the_script_names)
{
	static const struct mapped cases[] = {
		{"notify.send", "{\"to\":\"ops\",\"text\":\"x\",\"n\":1}",
		 "{\"n\":1,\"text\":\"[drill] x\",\"to\":\"training\"}"},
		{"notify.send", "{\"to\":\"log\",\"text\":\"\"}",
		 "{\"text\":\"[drill] \",\"to\":\"log\"}"},
		{"notify.send", "{\"to\":\"boss\",\"text\":\"x\"}", NULL},
		{"notify.send", "{\"to\":\"training\",\"text\":\"x\"}", NULL},
		{"notify.send", "{}", NULL},
		{"http.request",
		 "{\"url\":\"http://pay.example:8080/a?b#c\",\"body\":\"pay.example\"}",
		 "{\"body\":\"pay.example\",\"url\":\"http://drill.example/a?b#c\"}"},
		{"http.request", "{\"url\":\"https://[::1]\"}", "{\"url\":\"https://x:1\"}"},
		{"http.request", "{\"url\":\"http://pay.example/\"}", NULL},
		{"http.request", "{\"url\":\"http://pay.example:80801/\"}", NULL},
		{"http.request", "{\"url\":\"http://u@pay.example:8080/\"}", NULL},
		{"http.request", "{\"url\":\"http://evil.example\\\\@pay.example:8080/\"}", NULL},
		{"http.request", "{\"url\":7}", NULL},
		{"http.request", "{}", NULL},
		{"exec.run", "{\"argv\":[\"/bin/a\",\"/bin/a\"]}",
		 "{\"argv\":[\"/bin/b\",\"/bin/a\"]}"},
		{"exec.run", "{\"argv\":[\"/bin/b\"]}", NULL},
		{"exec.run", "{\"argv\":[]}", NULL},
		{"exec.run", "{}", NULL},
		{"log.write", "{\"text\":\"x\"}", "{\"text\":\"x\"}"},
		{"load.run", "{\"url\":\"http://pay.example:8080/\"}", NULL},
		{"ticket.create", "{}", NULL},
	};
	struct config config = {.actions = &actions};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err_note why = {{0}};
		char *args = NULL;
		int code = plan_drill_args(&config, cases[i].action, cases[i].args, &args, &why);
		cr_expect_eq(code, cases[i].expected ? 0 : ERR_DENIED, "%s", cases[i].args);
		if (cases[i].expected)
			cr_expect_str_eq(args, cases[i].expected);
		else
			cr_expect_neq(why.text[0], '\0');
		mem_free(args);
	}
}

static void begin(struct world *world, bool is_drill)
{
	struct plan_start start = {.plan = "help", .incident = 7, .is_drill = is_drill};
	struct err_note why = {{0}};
	char *id = NULL;
	cr_assert_eq(plan_engine_start(world->engine, &start, &id, &why), 0, "%s", why.text);
	mem_free(id);
	world_turn(world);
}

Test(plan_drill, readiness_outlives_the_process_and_tells_drills_from_real_runs)
{
	static const struct plan_call nothing[] = {END};
	struct world world;
	struct plan_readiness ready;
	world_open(&world, nothing);
	world_plan(&world, NULL);
	plan_engine_readiness(world.engine, "help", &ready);
	cr_expect(ready.drilled_ms == 0 && ready.drill_ok_ms == 0 && ready.ok_ms == 0);
	begin(&world, true);
	world_advance(&world, 1000);
	begin(&world, false);
	plan_engine_readiness(world.engine, "help", &ready);
	cr_expect_gt(ready.drilled_ms, 0);
	cr_expect_eq(ready.drill_ok_ms, ready.drilled_ms);
	cr_expect_eq(ready.ok_ms, ready.drilled_ms + 1000);
	int64_t drilled_ms = ready.drilled_ms;
	world_restart(&world);
	plan_engine_readiness(world.engine, "help", &ready);
	cr_expect_eq(ready.drilled_ms, drilled_ms);
	cr_expect_eq(ready.drill_ok_ms, drilled_ms);
	cr_expect_eq(ready.ok_ms, drilled_ms + 1000);
	plan_engine_readiness(world.engine, "other", &ready);
	cr_expect_eq(ready.drilled_ms, 0);
	world_close(&world);
}

Test(plan_drill, a_drill_without_targets_fails_and_counts_as_a_drill_that_was_not_done)
{
	static const struct plan_call step[] = {STEP("a", "test.idem", NULL), END};
	struct world world;
	struct plan_readiness ready;
	world_open(&world, step);
	world_plan(&world, NULL);
	begin(&world, true);
	cr_expect_eq(world_effects(&world, "a"), 0);
	plan_engine_readiness(world.engine, "help", &ready);
	cr_expect_gt(ready.drilled_ms, 0);
	cr_expect_eq(ready.drill_ok_ms, 0);
	begin(&world, false);
	cr_expect_eq(world_effects(&world, "a"), 1);
	plan_engine_readiness(world.engine, "help", &ready);
	cr_expect_gt(ready.ok_ms, 0);
	cr_expect_eq(ready.drill_ok_ms, 0);
	world_close(&world);
}
