/* Installing generations and stopping scripts. Times as in test_engine.c. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/aggregate.h"
#include "site.h"

static const char *const count_2[] = {"window", "60s", "threshold", ">= 2", NULL};
static const char *const count_3[] = {"window", "60s", "threshold", ">= 3", NULL};

Test(install, an_unchanged_rule_keeps_its_window_and_its_alert)
{
	struct site site;
	struct rule *rules[2];
	uint32_t partition;

	site_init(&site);
	rules[0] = site_rule(&site, "many", 1, "count", NULL, count_2);
	rules[1] = site_rule(&site, "new", 1, "count", NULL, count_3);
	site_install(&site, rules, 1);
	partition = site_open(&site, "pay", "p", false);
	site_feed(&site, "pay", partition, "{\"time\":1001}\n{\"time\":1002}\n{\"time\":1010}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1005\n");
	site_install(&site, rules, 2);
	site_expect(&site, "");
	/* The new rule shares the metric: it sees 1001, 1002, 1010 at its first boundary. */
	site_feed(&site, "pay", partition, "{\"time\":1020}\n");
	site_advance(&site);
	site_expect(&site, "new@1 firing . 3 1015\n");
	rule_unref(rules[0]);
	rule_unref(rules[1]);
	site_deinit(&site);
}

Test(install, another_version_resolves_and_goes_on_with_the_panes_it_did_not_change)
{
	struct site site;
	struct rule *rules[2];
	uint32_t partition;

	site_init(&site);
	rules[0] = site_rule(&site, "many", 1, "count", NULL, count_2);
	rules[1] = site_rule(&site, "many", 2, "count", NULL, count_3);
	site_install(&site, &rules[0], 1);
	partition = site_open(&site, "pay", "p", false);
	site_feed(&site, "pay", partition, "{\"time\":1001}\n{\"time\":1002}\n{\"time\":1010}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1005\n");
	site_install(&site, &rules[1], 1);
	site_expect(&site, "many@1 resolved . - 1005 rule_changed\n");
	site_feed(&site, "pay", partition, "{\"time\":1020}\n");
	site_advance(&site);
	site_expect(&site, "many@2 firing . 3 1015\n");
	rule_unref(rules[0]);
	rule_unref(rules[1]);
	site_deinit(&site);
}

Test(install, a_removed_rule_resolves_also_when_it_went_while_the_program_was_down)
{
	for (int is_down = 0; is_down < 2; is_down++) {
		struct site site;
		struct rule *rule;
		uint32_t partition;

		rule = site_with(&site, "many", "count", NULL, count_2, &partition);
		site_feed(&site, "pay", partition,
			  "{\"time\":1001}\n{\"time\":1002}\n{\"time\":1010}\n");
		site_advance(&site);
		site_expect(&site, "many@1 firing . 2 1005\n");
		if (is_down)
			site_restart(&site, NULL, 0);
		else
			site_install(&site, NULL, 0);
		site_expect(&site, "many@1 resolved . - 1005 rule_removed\n");
		site_restart(&site, NULL, 0);
		site_expect(&site, "");
		rule_unref(rule);
		site_deinit(&site);
	}
}

Test(install, the_owner_of_the_versions_says_why_a_rule_is_gone)
{
	for (int is_down = 0; is_down < 2; is_down++) {
		struct site site;
		struct rule *rule;
		uint32_t partition;

		rule = site_with(&site, "many", "count", NULL, count_2, &partition);
		site.gone_reason = "rule_disabled";
		site_feed(&site, "pay", partition,
			  "{\"time\":1001}\n{\"time\":1002}\n{\"time\":1010}\n");
		site_advance(&site);
		site_expect(&site, "many@1 firing . 2 1005\n");
		if (is_down)
			site_restart(&site, NULL, 0);
		else
			site_install(&site, NULL, 0);
		site_expect(&site, "many@1 resolved . - 1005 rule_disabled\n");
		rule_unref(rule);
		site_deinit(&site);
	}
}

Test(install, a_faulty_generation_changes_nothing)
{
	struct site site;
	struct rule *rules[3];
	struct err_note why = {0};
	uint32_t partition;

	site_init(&site);
	rules[0] = site_rule(&site, "many", 1, "count", NULL, count_2);
	rules[1] = site_rule(&site, "twice", 1, "count", NULL, count_2);
	rules[2] = site_rule(&site, "twice", 2, "count", NULL, count_2);
	site_install(&site, rules, 1);
	partition = site_open(&site, "pay", "p", false);
	cr_expect_eq(engine_install(site.engine, site.config, rules, 3, 0, 0, &why), ERR_EXISTS);
	cr_expect_str_eq(why.text, "rule twice is there twice, as 1 and 2");
	site_feed(&site, "pay", partition, "{\"time\":1001}\n{\"time\":1002}\n{\"time\":1010}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1005\n");
	for (int i = 0; i < 3; i++)
		rule_unref(rules[i]);
	site_deinit(&site);
}

Test(install, a_bundle_of_the_old_generation_still_counts)
{
	struct site site;
	struct rule *rule;
	struct intake *old;
	struct bundle *bundle;
	uint32_t partition;

	rule = site_with(&site, "many", "count", NULL, count_2, &partition);
	old = engine_intake(site.engine, "pay");
	bundle = bundle_new(old, 3);
	bundle->partition = partition;
	bundle->counters.readings = 1;
	bundle->max_event_ms = bundle->min_event_ms = 1001000;
	site_install(&site, &rule, 1);
	cr_expect_neq(engine_intake(site.engine, "pay"), old);
	cr_expect_eq(engine_apply(site.engine, bundle, 0), 0);
	rule_unref(rule);
	site_deinit(&site);
}

/* ---- scripts ---- */

/** Fires above two readings; `end` says how a call ends otherwise. */
struct fake_runner {
	struct rule_runner base;
	int end;       /**< error of each call, or 0 */
	int good_left; /**< so many calls go well before */
	int calls;
	const struct script_marker *marker;
	bool was_marked;
};

static int fake_on_window(struct rule_runner *runner, const struct rule_window *window,
			  struct rule_verdict *out, struct err_note *why)
{
	struct fake_runner *fake = (struct fake_runner *)runner;

	fake->calls++;
	if (fake->marker != NULL)
		fake->was_marked = strcmp(fake->marker->rule, "script") == 0;
	if (fake->end != 0 && fake->good_left-- <= 0)
		return err_set(why, fake->end, "script.lua:3: no");
	out->is_firing = window->aggregate->count > 2;
	out->has_value = true;
	out->value = (double)window->aggregate->count * 100;
	out->message = mem_copy_text("seen");
	out->severity = mem_copy_text("critical");
	return 0;
}

static void fake_free(struct rule_runner *runner)
{
	(void)runner;
}

static const struct rule_runner_ops fake_ops = {.on_window = fake_on_window, .free = fake_free};
static const char *const script_pairs[] = {"window", "10s", NULL};
static const char *const by_m[] = {"m", NULL};

static const char three_readings[] = "{\"time\":1001,\"m\":\"a\"}\n{\"time\":1002,\"m\":\"a\"}\n"
				     "{\"time\":1003,\"m\":\"a\"}\n{\"time\":1003,\"m\":\"b\"}\n"
				     "{\"time\":1030,\"m\":\"b\"}\n";

Test(scripts, decide_about_each_key_and_are_marked_while_they_run)
{
	struct site site;
	struct script_marker marker = {0};
	struct fake_runner fake = {.base = {&fake_ops}, .marker = &marker};
	struct rule *rule;

	site_init(&site);
	site.marker = &marker;
	site_restart(&site, NULL, 0);
	rule = site_script(&site, "script", by_m, script_pairs, &fake.base);
	site_install(&site, &rule, 1);
	site_feed(&site, "pay", site_open(&site, "pay", "p", false), three_readings);
	site_advance(&site);
	site_expect(&site, "script@1 firing a 300 1005\nscript@1 resolved a 0 1015\n");
	cr_expect(fake.was_marked);
	cr_expect_str_eq(marker.rule, "");
	/* 1005: a, b. 1010: a, b. 1015: a, which fires; then nobody is left to ask. */
	cr_expect_eq(fake.calls, 5);
	rule_unref(rule);
	site_deinit(&site);
}

Test(scripts, over_budget_is_quarantined_at_once_and_others_go_on)
{
	static const int ends[] = {ERR_BUDGET, ERR_MEMORY};

	for (int i = 0; i < 2; i++) {
		struct site site;
		struct fake_runner fake = {.base = {&fake_ops}, .end = ends[i]};
		struct rule *rules[2];

		site_init(&site);
		rules[0] = site_script(&site, "script", by_m, script_pairs, &fake.base);
		rules[1] = site_rule(
			&site, "z", 1, "group", by_m,
			(const char *const[]){"window", "10s", "threshold", ">= 3", NULL});
		site_install(&site, rules, 2);
		site_feed(&site, "pay", site_open(&site, "pay", "p", false), three_readings);
		site_advance(&site);
		cr_expect_eq(fake.calls, 1);
		cr_expect_str_eq(site.quarantined, "script: script.lua:3: no");
		site_expect(&site, "z@1 firing a 3 1005\nz@1 resolved a 0 1015\n");
		rule_unref(rules[0]);
		rule_unref(rules[1]);
		site_deinit(&site);
	}
}

Test(scripts, errors_in_a_row_quarantine_and_its_alerts_resolve)
{
	struct site site;
	struct fake_runner fake = {.base = {&fake_ops}, .end = ERR_SCRIPT, .good_left = 2};
	struct rule *rule;

	site_init(&site);
	rule = site_script(&site, "script", by_m, script_pairs, &fake.base);
	site_install(&site, &rule, 1);
	site_feed(&site, "pay", site_open(&site, "pay", "p", false), three_readings);
	site_advance(&site);
	/* Two good calls at 1005, then three errors: 1010 (a, b) and 1015 (a); errors_max is 3. */
	cr_expect_eq(fake.calls, 5);
	site_expect(&site, "script@1 firing a 300 1005\n"
			   "script@1 resolved a - 1015 rule_quarantined\n");
	cr_expect_str_eq(site.quarantined, "script: script.lua:3: no");
	rule_unref(rule);
	site_deinit(&site);
}

static int fire_on_silence(struct rule_runner *runner, const struct rule_window *window,
			   struct rule_verdict *out, struct err_note *why)
{
	(void)runner;
	(void)why;
	out->is_firing = window->aggregate->count == 0;
	out->has_value = true;
	return 0;
}

/* Valid time ends at 1020 s and begins again at 1080 s: not judged are 1025 to 1080. */
static void expect_on_silence(const char *lines, const char *alerts)
{
	static const struct rule_runner_ops ops = {.on_window = fire_on_silence, .free = fake_free};
	static const char *const pairs[] = {
		"window",     "10s",        "filter",
		"m == \"a\"", "valid_time", "{{from=00:00;to=00:17};{from=00:18;to=24:00}}",
		NULL};
	struct rule_runner runner = {&ops};
	struct site site;
	struct rule *rule;

	site_init(&site);
	rule = site_script(&site, "script", NULL, pairs, &runner);
	site_install(&site, &rule, 1);
	site_feed(&site, "pay", site_open(&site, "pay", "p", false), lines);
	site_advance(&site);
	site_expect(&site, alerts);
	rule_unref(rule);
	site_deinit(&site);
}

Test(scripts, are_asked_about_a_window_that_is_empty_when_their_valid_time_begins)
{
	expect_on_silence("{\"time\":1015,\"m\":\"a\"}\n{\"time\":1200,\"m\":\"b\"}\n",
			  "script@1 firing . 0 1085\n");
}

Test(scripts, that_fire_on_silence_resolve_when_their_valid_time_ends)
{
	expect_on_silence("{\"time\":1001,\"m\":\"a\"}\n{\"time\":1200,\"m\":\"b\"}\n",
			  "script@1 firing . 0 1015\n"
			  "script@1 resolved . - 1025 outside_valid_time\n"
			  "script@1 firing . 0 1085\n");
}

static void keep_rule(void *arg, const struct engine_rule_status *status)
{
	*(struct engine_rule_status *)arg = *status;
}

Test(scripts, an_error_between_good_calls_is_counted_only)
{
	struct site site;
	struct fake_runner fake = {.base = {&fake_ops}};
	struct engine_rule_status status = {0};
	struct rule *rule;
	uint32_t partition;

	site_init(&site);
	rule = site_script(&site, "script", NULL, script_pairs, &fake.base);
	site_install(&site, &rule, 1);
	partition = site_open(&site, "pay", "p", false);
	for (int i = 0; i < 6; i++) {
		char line[64];

		fake.end = i % 2 == 0 ? ERR_SCRIPT : 0;
		snprintf(line, sizeof(line), "{\"time\":%d}\n", 1001 + 5 * i);
		site_feed(&site, "pay", partition, line);
		site_advance(&site);
	}
	engine_each_rule(site.engine, keep_rule, &status);
	cr_expect_gt(status.error_count, 0);
	cr_expect_not(status.is_quarantined);
	cr_expect_str_eq(status.last_error, "script.lua:3: no");
	rule_unref(rule);
	site_deinit(&site);
}
