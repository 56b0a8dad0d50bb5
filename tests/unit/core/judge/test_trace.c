#include "core/judge/trace.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/rule/rule.h"

enum { S = 1000 };

struct seen {
	struct trace_run runs[64];
	uint32_t count;
	char keys[TRACE_KEYS_MAX + 1][16];
	uint32_t key_count;
};

static void on_run(void *arg, const struct trace_run *run)
{
	struct seen *seen = arg;

	seen->runs[seen->count++] = *run;
}

static void on_key(void *arg, struct slice key)
{
	struct seen *seen = arg;

	snprintf(seen->keys[seen->key_count++], sizeof(seen->keys[0]), "%.*s", (int)key.length,
		 key.data);
}

static struct seen look(const struct trace *trace, const char *key)
{
	struct seen seen = {.count = 0};

	trace_each_run(trace, slice_of(key), on_run, &seen);
	trace_each_key(trace, on_key, &seen);
	return seen;
}

static void add(struct trace **trace, const char *key, int64_t boundary_ms,
		enum trace_reason reason)
{
	struct trace_point point = {.boundary_ms = boundary_ms, .reason = reason};

	trace_add(trace, slice_of(key), &point);
}

Test(trace, the_same_reason_in_a_row_is_one_run)
{
	struct trace *trace = NULL;
	struct seen seen;

	add(&trace, "m1", 5 * S, TRACE_NOT_MET);
	add(&trace, "m1", 10 * S, TRACE_PENDING);
	add(&trace, "m1", 15 * S, TRACE_PENDING);
	add(&trace, "m1", 20 * S, TRACE_FIRED);
	seen = look(trace, "m1");
	cr_assert_eq(seen.count, 3);
	cr_assert_eq(seen.runs[1].first_ms, 10 * S);
	cr_assert_eq(seen.runs[1].last.boundary_ms, 15 * S);
	cr_assert_eq(seen.runs[1].count, 2);
	cr_assert_eq(seen.runs[2].last.reason, TRACE_FIRED);
	cr_assert_eq(look(trace, "m2").count, 0);
	trace_free(trace);
}

Test(trace, two_alerts_in_a_row_are_two_runs)
{
	struct trace *trace = NULL;

	add(&trace, "m1", 5 * S, TRACE_FIRED);
	add(&trace, "m1", 10 * S, TRACE_FIRED);
	cr_assert_eq(look(trace, "m1").count, 2);
	trace_free(trace);
}

Test(trace, the_oldest_runs_of_a_key_make_room)
{
	for (int extra = -1; extra <= 1; extra++) {
		struct trace *trace = NULL;
		struct seen seen;
		int count = TRACE_RUNS_MAX + extra;

		for (int i = 0; i < count; i++)
			add(&trace, "m1", (i + 1) * S, i % 2 ? TRACE_PENDING : TRACE_NOT_MET);
		seen = look(trace, "m1");
		cr_assert_eq(seen.count, (uint32_t)(extra > 0 ? TRACE_RUNS_MAX : count));
		for (uint32_t i = 0; i < seen.count; i++)
			cr_assert_eq(seen.runs[i].first_ms, (i + 1 + (extra > 0)) * S);
		trace_free(trace);
	}
}

Test(trace, the_key_that_is_quiet_longest_makes_room)
{
	struct trace *trace = NULL;
	struct seen seen;
	char key[16];

	for (int i = 0; i < TRACE_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "m%d", i);
		add(&trace, key, (i + 1) * S, TRACE_NOT_MET);
	}
	add(&trace, "m0", 100 * S, TRACE_PENDING);
	add(&trace, "steady", 101 * S, TRACE_FIRING);
	cr_assert_eq(look(trace, "steady").count, 0, "what goes on takes nobody's place");
	add(&trace, "new", 101 * S, TRACE_FIRED);
	seen = look(trace, "m1");
	cr_assert_eq(seen.count, 0, "m1 was quiet longest");
	cr_assert_eq(seen.key_count, TRACE_KEYS_MAX);
	cr_assert_str_eq(seen.keys[0], "new");
	cr_assert_str_eq(seen.keys[1], "m0");
	cr_assert_eq(look(trace, "m0").count, 2);
	trace_free(trace);
}

Test(trace, its_memory_is_counted_and_bounded)
{
	struct trace *trace = NULL;
	char key[16];

	cr_assert_eq(trace_bytes(trace), 0);
	for (int i = 0; i < 3 * TRACE_KEYS_MAX; i++)
		for (int k = 0; k < 2 * TRACE_RUNS_MAX; k++) {
			snprintf(key, sizeof(key), "m%d", i);
			add(&trace, key, (i * 100 + k + 1) * S,
			    k % 2 ? TRACE_PENDING : TRACE_NOT_MET);
		}
	cr_assert_gt(trace_bytes(trace),
		     TRACE_KEYS_MAX * TRACE_RUNS_MAX * sizeof(struct trace_run));
	cr_assert_lt(trace_bytes(trace), 160 * 1024);
	trace_free(trace);
}

static bool give_value(void *arg, const struct rule_expression *expression, double *out)
{
	const double *value = arg;

	(void)expression;
	*out = *value;
	return *value >= 0;
}

static struct trace_point step(const struct rule *rule, struct key_state *state,
			       int64_t boundary_ms, double value, uint64_t reading_count)
{
	struct judge_values values = {
		.value = give_value, .arg = &value, .reading_count = reading_count};
	struct judgement judgement;
	struct key_step key_step = {.boundary_ms = boundary_ms, .judgement = &judgement};
	struct trace_point point;
	struct key_tell tell;
	bool is_told;

	condition_judge(rule, &values, &judgement);
	is_told = key_state_step(state, rule, &key_step, &tell);
	trace_point_of(rule, &key_step, &values, state, is_told ? &tell : NULL, &point);
	return point;
}

Test(trace, a_step_says_why)
{
	struct rule_expression expression = {.threshold = {.compare = COMPARE_GE, .number = 20}};
	struct rule rule = {
		.level_count = 1, .window_ms = 60 * S, .key_idle_ms = 3600 * S, .min_samples = 3};
	struct key_state state = KEY_STATE_NEW;
	struct trace_point point;

	rule.levels[0] = (struct rule_level){.severity = "warning",
					     .holds = {.expressions = &expression, .count = 1},
					     .hold_ms = 60 * S,
					     .clear_hold_ms = 10 * S};
	point = step(&rule, &state, 5 * S, 17, 17);
	cr_assert_eq(point.reason, TRACE_NOT_MET);
	cr_assert_eq(point.has_values, 1);
	cr_assert_eq(point.values[0], 17);
	cr_assert_eq(step(&rule, &state, 10 * S, 25, 2).reason, TRACE_MIN_SAMPLES);
	cr_assert_eq(step(&rule, &state, 15 * S, -1, 5).reason, TRACE_NO_VALUE);
	step(&rule, &state, 20 * S, 25, 25);
	point = step(&rule, &state, 60 * S, 25, 25);
	cr_assert_eq(point.reason, TRACE_PENDING);
	cr_assert_eq(point.waited_ms, 40 * S);
	cr_assert_eq(point.needed_ms, 60 * S);
	point = step(&rule, &state, 80 * S, 25, 25);
	cr_assert_eq(point.reason, TRACE_FIRED);
	cr_assert_eq(point.stage, KEY_STAGE_FIRING);
	cr_assert_eq(step(&rule, &state, 85 * S, 26, 26).reason, TRACE_FIRING);
	point = step(&rule, &state, 90 * S, 3, 3);
	cr_assert_eq(point.reason, TRACE_CLEARING);
	cr_assert_eq(point.needed_ms, 10 * S);
	cr_assert_eq(step(&rule, &state, 100 * S, 3, 3).reason, TRACE_RESOLVED);
	key_state_deinit(&state);
}

Test(trace, flapping_non_disturb_and_valid_time_have_their_own_reasons)
{
	struct rule_expression expression = {.threshold = {.compare = COMPARE_GE, .number = 20}};
	struct rule rule = {.level_count = 1,
			    .window_ms = 60 * S,
			    .key_idle_ms = 3600 * S,
			    .non_disturb = {.max = 1, .within_ms = 600 * S}};
	struct judgement muted = {.is_muted = true};
	struct key_step key_step = {.boundary_ms = 40 * S, .judgement = &muted};
	struct key_state state = KEY_STATE_NEW;
	struct trace_point point;
	struct key_tell tell;

	rule.levels[0] = (struct rule_level){.holds = {.expressions = &expression, .count = 1}};
	cr_assert_eq(step(&rule, &state, 5 * S, 25, 25).reason, TRACE_FIRED);
	cr_assert_eq(step(&rule, &state, 10 * S, 5, 5).reason, TRACE_RESOLVED);
	cr_assert_eq(step(&rule, &state, 15 * S, 25, 25).reason, TRACE_NON_DISTURB);
	cr_assert_not(key_state_step(&state, &rule, &key_step, &tell));
	trace_point_of(&rule, &key_step, NULL, &state, NULL, &point);
	cr_assert_eq(point.reason, TRACE_VALID_TIME);
	key_state_deinit(&state);
	rule.non_disturb.max = 0;
	rule.flap = (struct rule_flap){.changes = 2, .within_ms = 600 * S};
	step(&rule, &state, 105 * S, 25, 25);
	point = step(&rule, &state, 110 * S, 5, 5);
	cr_assert_str_eq(point.note, "flapping");
	cr_assert_eq(step(&rule, &state, 115 * S, 25, 25).reason, TRACE_FLAPPING);
	key_state_deinit(&state);
}
