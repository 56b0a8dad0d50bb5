/* Filter functions over bundles of another generation. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "core/ingest/bundle.h"
#include "core/model/value.h"
#include "site.h"

static const char *const count_2[] = {"window", "60s", "threshold", ">= 2", NULL};

static int filter_ok(struct rule_runner *runner, const struct rule_readings *readings,
		     uint32_t from, bool *matches, uint32_t *judged, struct err_note *why)
{
	(void)runner, (void)why;
	for (uint32_t row = from; row < readings->row_count; row++)
		for (uint32_t i = 0; i < readings->column_count; i++) {
			const struct value *value = &readings->columns[i][row];

			cr_assert_not_null(readings->names[i]);
			if (strcmp(readings->names[i], "ok") == 0)
				matches[row] = value->type == VALUE_BOOL && value->as.boolean;
			else
				cr_expect_eq(value->type, VALUE_NIL);
		}
	*judged = readings->row_count;
	return 0;
}

static void free_nothing(struct rule_runner *runner)
{
	(void)runner;
}

static const struct rule_runner_ops ops = {.filter = filter_ok, .free = free_nothing};

/** The rule of one file; what it reads follows from the fields that the site declares. */
static struct rule *rule_that_reads(struct site *site, struct rule_runner *runner,
				    const char *first, const char *second)
{
	struct rule *rule = site_rule(site, "many", 1, "count", NULL, count_2);

	rule->runner = runner;
	rule->has_filter_function = true;
	rule->reads[rule->read_count++] = first;
	if (second)
		rule->reads[rule->read_count++] = second;
	return rule;
}

/** Three readings, two of them ok, read before a reload and applied after it. */
static void expect_two(const char *before, const char *more_before, const char *after,
		       const char *more_after)
{
	struct rule_runner runner = {&ops};
	struct site site;
	struct rule *old, *new;
	struct bundle *bundle;
	uint32_t partition;

	site_init(&site);
	old = rule_that_reads(&site, &runner, before, more_before);
	new = rule_that_reads(&site, &runner, after, more_after);
	site_install(&site, &old, 1);
	partition = site_open(&site, "pay", "p", false);
	bundle = site_bundle(&site, "pay", partition,
			     "{\"time\":1001,\"ok\":true}\n{\"time\":1002,\"ok\":false}\n"
			     "{\"time\":1003,\"ok\":true}\n");
	site_install(&site, &new, 1);
	cr_expect_eq(engine_apply(site.engine, bundle, site.now_ms), 0);
	site_feed(&site, "pay", partition, "{\"time\":1010}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1005\n");
	rule_unref(old);
	rule_unref(new);
	site_deinit(&site);
}

Test(filter_function, sees_by_name_what_was_read_before_a_reload)
{
	expect_two("ok", NULL, "added", "ok");
	expect_two("dropped", "ok", "ok", NULL);
}

/** Has a budget for so many readings. */
struct dear_runner {
	struct rule_runner base;
	uint32_t readings_a_call;
};

static int filter_dearly(struct rule_runner *runner, const struct rule_readings *readings,
			 uint32_t from, bool *matches, uint32_t *judged, struct err_note *why)
{
	const struct dear_runner *dear = (const struct dear_runner *)runner;

	for (*judged = from; *judged < readings->row_count; ++*judged) {
		if (*judged - from == dear->readings_a_call)
			return err_set(why, ERR_BUDGET, "used up");
		matches[*judged] = true;
	}
	return 0;
}

static const struct rule_runner_ops dear_ops = {.filter = filter_dearly, .free = free_nothing};

/** `count` readings in one batch; whether the rule was stopped. */
static bool is_stopped_by(uint32_t count, uint32_t readings_a_call)
{
	struct dear_runner runner = {{&dear_ops}, readings_a_call};
	struct bytes lines = BYTES_EMPTY;
	struct site site;
	struct rule *rule;
	char expected[64];
	uint32_t partition;
	bool is_stopped;

	site_init(&site);
	rule = rule_that_reads(&site, &runner.base, "ok", NULL);
	site_install(&site, &rule, 1);
	partition = site_open(&site, "pay", "p", false);
	for (uint32_t i = 0; i < count; i++)
		bytes_append_text(&lines, "{\"time\":1001}\n");
	site_feed(&site, "pay", partition, lines.data);
	site_feed(&site, "pay", partition, "{\"time\":1010}\n");
	site_advance(&site);
	is_stopped = site.quarantined[0] != '\0';
	snprintf(expected, sizeof(expected), "many@1 firing . %u 1005\n", count);
	site_expect(&site, is_stopped ? "" : expected);
	rule_unref(rule);
	site_deinit(&site);
	bytes_deinit(&lines);
	return is_stopped;
}

Test(filter_function, may_use_up_a_budget_with_many_readings_but_not_with_one)
{
	cr_expect(is_stopped_by(2, 0));
	cr_expect_not(is_stopped_by(2, 1));
	cr_expect_not(is_stopped_by(4 * 5, 5), "4 budgets");
	cr_expect(is_stopped_by(4 * 5 + 1, 5), "5 budgets");
}
