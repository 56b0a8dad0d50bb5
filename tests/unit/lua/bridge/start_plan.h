/** start_plan.h - the runner of a plan whose `run` has the given body; its params are limit = 5 and
 *  name = 'd'. */
#ifndef TOCSIN_TESTS_UNIT_LUA_START_PLAN_H
#define TOCSIN_TESTS_UNIT_LUA_START_PLAN_H

#include "core/plan/plan_runner.h"
#include "lua/bridge/plan_runner_lua.h"
#include "tests/unit/lua/script_test.h"

static inline struct plan_runner *start_plan(const char *body, const char *params,
					     const char *incident)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 1000000, 5000};
	struct bytes text = BYTES_EMPTY;
	struct plan_runner *runner = NULL;
	struct plan_factory *factory;
	struct err_note why = {{0}};

	bytes_append_format(
		&text,
		"local plan = require 'tocsin.plan' return plan { params = { limit = 5, "
		"name = 'd' }, run = function(ctx, params)\n%s\nend }",
		body);
	factory = plan_factory_lua_new("plans/x/1.lua", text.data, text.length, &limits);
	cr_expect_str_eq(factory->ops->source(factory), text.data);
	cr_assert_eq(factory->ops->start(factory, "run-1", params, incident, &runner, &why), 0,
		     "%s", why.text);
	factory->ops->free(factory);
	bytes_deinit(&text);
	return runner;
}

#endif
