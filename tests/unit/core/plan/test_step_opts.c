#include "core/plan/step_opts.h"

#include "core/base/err.h"

#include <criterion/criterion.h>

#include <string.h>

Test(step_opts, defaults_follow_the_effect)
{
	struct step_opts opts;
	cr_assert_eq(step_opts_read(&opts, NULL, EFFECT_ONCE, NULL), 0);
	cr_expect_eq(opts.tries_max, 1);
	cr_expect_eq(opts.timeout_ms, 10000);
	cr_assert_eq(step_opts_read(&opts, "{}", EFFECT_READ, NULL), 0);
	cr_expect_eq(opts.tries_max, 3);
	cr_assert_eq(step_opts_read(&opts, "{\"effect\":\"once\"}", EFFECT_READ, NULL), 0);
	cr_expect_eq(opts.tries_max, 1);
	cr_expect_eq(opts.effect, EFFECT_ONCE);
}

Test(step_opts, reads_spans_and_seconds)
{
	struct step_opts opts;
	cr_assert_eq(
		step_opts_read(&opts,
			       "{\"timeout\":\"2s\",\"deadline\":1.5,\"retry\":{\"max\":5,"
			       "\"first\":\"100ms\",\"factor\":3,\"cap\":\"1s\",\"jitter\":0.5}}",
			       EFFECT_ONCE, NULL),
		0);
	cr_expect_eq(opts.timeout_ms, 2000);
	cr_expect_eq(opts.deadline_ms, 1500);
	cr_expect_eq(opts.tries_max, 5);
	/* 100, 300, 900, then the cap; half of it random. */
	cr_expect_eq(step_opts_delay(&opts, 1, 0), 50);
	cr_expect_eq(step_opts_delay(&opts, 2, 0.5), 225);
	cr_expect_eq(step_opts_delay(&opts, 3, 0), 450);
	cr_expect_eq(step_opts_delay(&opts, 4, 0), 500);
	cr_expect_eq(step_opts_delay(&opts, 1000, 0), 500);
}

struct wrong_case {
	const char *json;
	const char *text;
};

Test(step_opts, wrong_ones_are_named)
{
	static const struct wrong_case cases[] = {
		{"[]", "must be a table"},
		{"{\"tries\":1}", "no member \"tries\"; known: effect, timeout"},
		{"{\"effect\":\"twice\"}", "\"idempotent\""},
		{"{\"effect\":1}", "\"idempotent\""},
		{"{\"timeout\":\"soon\"}", "opts.timeout"},
		{"{\"timeout\":0}", "opts.timeout"},
		{"{\"timeout\":3601}", "opts.timeout"},
		{"{\"deadline\":-1}", "opts.deadline"},
		{"{\"retry\":3}", "retry must be a table"},
		{"{\"retry\":{\"max\":0}}", "retry.max"},
		{"{\"retry\":{\"max\":101}}", "retry.max"},
		{"{\"retry\":{\"factor\":0.5}}", "retry.factor"},
		{"{\"retry\":{\"jitter\":2}}", "retry.jitter"},
		{"{\"retry\":{\"wait\":2}}", "retry has no member"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct step_opts opts;
		struct err_note why = {{0}};
		cr_expect_eq(step_opts_read(&opts, cases[i].json, EFFECT_READ, &why), ERR_INVALID,
			     "case %zu", i);
		cr_expect(strstr(why.text, cases[i].text), "case %zu: %s", i, why.text);
	}
}

Test(step_opts, on_fail_is_one_of_three)
{
	struct step_opts opts;
	struct err_note why = {{0}};
	cr_expect_eq(step_opts_read(&opts, "{\"on_fail\":\"wait\"}", EFFECT_ONCE, &why), 0);
	cr_expect(opts.waits);
	cr_expect_eq(step_opts_read(&opts, "{\"on_fail\":\"continue\"}", EFFECT_ONCE, &why), 0);
	cr_expect(!opts.waits);
	cr_expect_eq(step_opts_read(&opts, "{\"on_fail\":\"stop\"}", EFFECT_ONCE, &why),
		     ERR_INVALID);
	cr_expect_str_eq(why.text, "opts.on_fail must be \"raise\", \"continue\" or \"wait\", "
				   "found \"stop\"");
}
