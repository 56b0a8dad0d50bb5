#include "lua/bridge/rule_reading_lua.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "lua/bridge/rule_runner_lua.h"
#include "lua/host/loader.h"
#include "tests/unit/lua/script_test.h"

/* Three readings of one key, ten seconds apart, asked about in one call. */
enum { ROWS = 3 };
static const int64_t times[ROWS] = {10000, 20000, 30000};
static const uint16_t rows[ROWS] = {0, 1, 2};
static const struct rule_readings readings = {.time_ms = times, .row_count = ROWS};

struct world {
	struct rule_runner *runner;
	struct rule_call call;
	struct bytes state;
	char said[200]; /**< "F2 - R": firing with a value, nothing, resolved */
	uint32_t row, stop_at;
};

static struct rule_call *begin(void *arg, uint32_t row)
{
	struct world *world = arg;

	if (row == world->stop_at)
		return NULL;
	world->row = row;
	world->call.time_ms = times[row];
	world->call.memory.state = bytes_slice(&world->state);
	world->call.memory.has_new_state = world->call.memory.has_new_timers = false;
	return &world->call;
}

static void end(void *arg, struct rule_call *call, enum rule_answer answer,
		const struct rule_verdict *verdict)
{
	struct world *world = arg;
	size_t length = strlen(world->said);

	snprintf(world->said + length, sizeof(world->said) - length, "%s%s", length ? " " : "",
		 answer == RULE_ANSWER_NONE       ? "-"
		 : answer == RULE_ANSWER_RESOLVED ? "R"
						  : "F");
	if (answer == RULE_ANSWER_FIRING)
		snprintf(world->said + length + (length > 0) + 1, 20, "%g", verdict->value);
	if (!call->memory.has_new_state)
		return;
	bytes_clear(&world->state);
	bytes_append_slice(&world->state, call->memory.state);
}

static int ask_script(struct world *world, const char *text, struct err_note *why)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 1000000, 5000};
	const struct rule_walk walk = {begin, end, world};
	struct loaded loaded;
	struct arena arena;
	uint32_t done = 0;
	int line, code;

	arena_init(&arena);
	code = loader_run(&loaded, "rules/slow/3.lua", text, strlen(text), &limits, &arena, &line,
			  why);
	cr_assert_eq(code, 0, "%s", why->text);
	cr_assert_eq(rule_runner_lua_new(&world->runner, loaded.state, "slow", 3, why), 0);
	code = world->runner->ops->on_reading(world->runner, &readings, rows, ROWS, &walk, &done,
					      why);
	world->row = done;
	world->runner->ops->free(world->runner);
	arena_deinit(&arena);
	return code;
}

static int ask(struct world *world, const char *body, struct err_note *why)
{
	struct bytes text = BYTES_EMPTY;

	bytes_append_format(&text,
			    "return { on_reading = function(ctx, r) %s end, on_timer = function() "
			    "end }",
			    body);
	int code = ask_script(world, text.data, why);

	bytes_deinit(&text);
	return code;
}

/** What the script said, or its fault. */
static const char *said(const char *body)
{
	static char text[ERR_NOTE_BYTES_MAX];
	struct world world = {.stop_at = UINT32_MAX};
	struct err_note why = {{0}};

	if (ask(&world, body, &why) != 0)
		snprintf(text, sizeof(text), "%s", why.text);
	else
		snprintf(text, sizeof(text), "%s", world.said);
	bytes_deinit(&world.state);
	return text;
}

static void expect_fault(const char *body, const char *part)
{
	const char *text = said(body);

	cr_expect(strstr(text, part) != NULL, "%s\n   got: %s", body, text);
}

Test(rule_reading_lua, nil_false_and_a_table_are_three_answers)
{
	cr_expect_str_eq(said("if r.time == 20 then return false end "
			      "if r.time == 30 then return { value = 7 } end"),
			 "- R F7");
	expect_fault("return 1", "must return nil (no change), false (resolves) or a table");
	expect_fault("return { x = 1 }", "unknown entry 'x'");
}

Test(rule_reading_lua, a_state_comes_back_in_the_next_call)
{
	cr_expect_str_eq(
		said("ctx.state.n = (ctx.state.n or 0) + 1 return { value = ctx.state.n }"),
		"F1 F2 F3");
	cr_expect_str_eq(said("local s = ctx.state s.list = s.list or {} "
			      "s.list[#s.list + 1] = { r.time, ok = true, [false] = 'x' } "
			      "return { value = #s.list + s.list[1][1] }"),
			 "F11 F12 F13");
	cr_expect_str_eq(
		said("if r.time == 20 then ctx.state = nil return nil end "
		     "ctx.state.n = (ctx.state.n or 0) + 1 return { value = ctx.state.n }"),
		"F1 - F1");
	cr_expect_str_eq(said("ctx.state = { n = (ctx.state.n or 0) + 2 } "
			      "return { value = ctx.state.n }"),
			 "F2 F4 F6");
	/* One table under two names is two after a call, as it would be after a restart. */
	cr_expect_str_eq(said("local s = ctx.state if not s.a then s.a = { 0 } s.b = s.a end "
			      "s.a[1] = s.a[1] + 1 return { value = s.b[1] }"),
			 "F1 F1 F1");
}

Test(rule_reading_lua, a_state_is_plain_and_bounded)
{
	expect_fault("ctx.state.f = function() end", "ctx.state holds a function");
	expect_fault("ctx.state[{}] = 1", "ctx.state has a table as a key");
	expect_fault("ctx.state.self = ctx.state", "deeper than 8");
	expect_fault("ctx.state.x = ('x'):rep(4097)", "more than 4096 bytes");
	expect_fault("for i = 1, 2000 do ctx.state[i] = i end", "more than 4096 bytes");
	expect_fault("ctx.state = 5", "ctx.state must be a table or nil, not a number");
	expect_fault("ctx.other = 5", "ctx has no field to set but ctx.state");
	cr_expect_str_eq(said("ctx.state.x = ('x'):rep(4080)"), "- - -");
}

Test(rule_reading_lua, timers_are_named_bounded_and_in_event_time)
{
	struct world world = {.stop_at = 1};
	struct err_note why = {{0}};

	cr_expect_eq(ask(&world,
			 "ctx.timer('a', '30s') ctx:timer('b', 5) ctx.timer('c', '1m') "
			 "ctx.cancel('c') ctx.timer('a', '2s')",
			 &why),
		     0);
	cr_expect_eq(world.row, 1, "stopped before the second reading");
	cr_assert_eq(world.call.memory.timer_count, 2);
	cr_expect_str_eq(world.call.memory.timers[0].name, "a");
	cr_expect_eq(world.call.memory.timers[0].at_ms, 12000);
	cr_expect_eq(world.call.memory.timers[1].at_ms, 15000);
	bytes_deinit(&world.state);
	cr_expect_str_eq(said("for i = 1, 16 do ctx.timer('t' .. i, '1s') end"), "- - -");
	expect_fault("for i = 1, 17 do ctx.timer('t' .. i, '1s') end", "at most 16 timers");
	expect_fault("ctx.timer('', '1s')", "must have 1 to 32 bytes");
	expect_fault("ctx.timer(('x'):rep(33), '1s')", "must have 1 to 32 bytes");
	expect_fault("ctx.timer('a', '999ms')", "1s to 366d");
	expect_fault("ctx.timer('a', '367d')", "1s to 366d");
	expect_fault("ctx.timer('a\\0b', '1s')", "must have 1 to 32 bytes, and no zero");
	expect_fault("ctx.timer('a', 'soon')", "ctx.timer: ");
}

Test(rule_reading_lua, timers_need_a_function_that_hears_them)
{
	struct world world = {.stop_at = UINT32_MAX};
	struct err_note why = {{0}};

	cr_expect_eq(ask_script(&world,
				"return { on_reading = function(ctx, r) ctx.timer('a', '1s') end }",
				&why),
		     ERR_SCRIPT);
	cr_expect_str_eq(why.text, "rules/slow/3.lua: on_reading: rules/slow/3.lua:1: ctx.timer "
				   "needs on_timer = function(ctx, name) … end in the rule");
	bytes_deinit(&world.state);
}

/** A filter has no key: a ctx that was kept from another call sets nothing there. */
Test(rule_reading_lua, a_kept_ctx_is_of_no_use_outside_its_call)
{
	static const char text[] =
		"local kept\n"
		"return { on_timer = function() end,\n"
		"  on_reading = function(ctx, r) kept = ctx end,\n"
		"  filter = function(r)\n"
		"    if kept.state or kept.key or kept.time then error('it knows a key') end\n"
		"    kept.timer('a', '1s') end }";
	const struct script_limits limits = {SCRIPT_MEMORY_BYTES, 1000000, 5000};
	struct world world = {.stop_at = UINT32_MAX};
	const struct rule_walk walk = {begin, end, &world};
	struct err_note why = {{0}};
	struct loaded loaded;
	struct arena arena;
	bool matches[ROWS];
	uint32_t done = 0, judged = 0;
	int line;

	arena_init(&arena);
	cr_assert_eq(loader_run(&loaded, "rules/slow/3.lua", text, strlen(text), &limits, &arena,
				&line, &why),
		     0, "%s", why.text);
	cr_assert_eq(rule_runner_lua_new(&world.runner, loaded.state, "slow", 3, &why), 0);
	const struct rule_runner_ops *ops = world.runner->ops;

	cr_expect_eq(ops->on_reading(world.runner, &readings, rows, ROWS, &walk, &done, &why), 0);
	cr_expect_eq(ops->filter(world.runner, &readings, 0, matches, &judged, &why), ERR_SCRIPT);
	cr_expect_not_null(
		strstr(why.text,
		       "rules/slow/3.lua:6: timers are set in on_reading, on_window and on_timer"),
		"%s", why.text);
	ops->free(world.runner);
	arena_deinit(&arena);
	bytes_deinit(&world.state);
}

/** What is not a whole table is never taken for one. */
Test(rule_reading_lua, a_damaged_state_is_refused)
{
	static const struct {
		const char *state;
		size_t length;
	} damaged[] = {
		{"\x05", 1},                   /* a table without end */
		{"\x05\x02", 2},               /* a key without value */
		{"\x05\x02\x02", 3},           /* no end */
		{"\x05\x04\x09xy\x02\x00", 7}, /* a text longer than what is there */
		{"\x05\x03\x00\x00", 4},       /* half a number */
		{"\x05\x02\x09\x00", 4},       /* no such kind of value */
		{"\x05\x00\x00", 3},           /* something behind the end */
		{"\x02", 1},                   /* no table */
		{"\x05\x02\x05\x02\x05\x02\x05\x02\x05\x02\x05\x02\x05\x02\x05\x02\x05\x02\x05"
		 "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		 29}, /* deeper than any that is kept */
	};

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct world world = {.stop_at = UINT32_MAX};
		struct err_note why = {{0}};

		bytes_append(&world.state, damaged[i].state, damaged[i].length);
		cr_expect_eq(ask(&world, "return { value = ctx.state.x and 1 or 0 }", &why),
			     ERR_SCRIPT, "%zu", i);
		cr_expect_not_null(strstr(why.text, "the stored state is damaged"), "%zu: %s", i,
				   why.text);
		bytes_deinit(&world.state);
	}
}

Test(rule_reading_lua, an_error_ends_at_its_reading)
{
	struct world world = {.stop_at = UINT32_MAX};
	struct err_note why = {{0}};

	cr_expect_eq(ask(&world, "if r.time == 20 then error('no') end return false", &why),
		     ERR_SCRIPT);
	cr_expect_eq(world.row, 1);
	cr_expect_str_eq(world.said, "R");
	cr_expect(strstr(why.text, "rules/slow/3.lua: on_reading: ") == why.text, "%s", why.text);
	bytes_deinit(&world.state);
}
