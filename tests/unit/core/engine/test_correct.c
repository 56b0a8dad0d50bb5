/* Rules with `late = "correct"`: times are epoch seconds; lateness 5 s, windows end every 5 s. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "site.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

static const char *const by_k[] = {"k", NULL};
static const char *const twice[] = {"window", "10s", "threshold", ">= 2", "late", "correct", NULL};

struct world {
	struct site site;
	struct rule *rule;
	uint32_t partition;
};

static void world_init(struct world *world, const char *const *pairs)
{
	site_init(&world->site);
	world->rule = site_rule(&world->site, "r", 1, "group", by_k, pairs);
	site_install(&world->site, &world->rule, 1);
	world->partition = site_open(&world->site, "pay", "p", false);
}

static void world_deinit(struct world *world)
{
	rule_unref(world->rule);
	site_deinit(&world->site);
}

static void feed(struct world *world, int time_s, const char *key)
{
	char line[100];

	snprintf(line, sizeof(line), "{\"time\":%d,\"k\":%s}\n", time_s, key);
	cr_assert_eq(site_feed(&world->site, "pay", world->partition, line), 0);
	site_advance(&world->site);
}

static void restart(struct world *world)
{
	site_restart(&world->site, &world->rule, 1);
	world->partition = site_open(&world->site, "pay", "p", false);
	site_advance(&world->site);
}

static void keep_status(void *arg, const struct engine_rule_status *status)
{
	*(struct engine_rule_status *)arg = *status;
}

static struct engine_rule_status status_of(const struct world *world)
{
	struct engine_rule_status status = {0};

	engine_each_rule(world->site.engine, keep_status, &status);
	return status;
}

/** 1005 and 1010 are judged: 1 of "a" in both, 1 of "b" in 1010. */
static void begin(struct world *world)
{
	feed(world, 1002, "\"a\"");
	feed(world, 1009, "\"b\"");
	feed(world, 1016, "\"c\"");
	world->site.alert_count = 0;
}

static void expect_corrections(bool restarts)
{
	struct world world;

	world_init(&world, twice);
	begin(&world);
	feed(&world, 1008, "\"b\"");
	if (restarts)
		restart(&world);
	feed(&world, 1003, "\"a\"");
	feed(&world, 1004, "\"a\"");
	site_expect(&world.site, "");
	if (restarts)
		restart(&world);
	feed(&world, 1020, "\"c\"");
	site_expect(&world.site, "r@1 firing b 2 1015\n"
				 "r@1 firing a 3 1005 was 1 -\n"
				 "r@1 firing a 3 1010 was 1 -\n"
				 "r@1 firing b 2 1010 was 1 -\n");
	if (restarts)
		restart(&world);
	cr_expect_eq(status_of(&world).correction_count, 3);
	cr_expect_eq(status_of(&world).correction_lost_count, 0);
	/* Told once; 1010 fires already, and goes on. */
	feed(&world, 1007, "\"b\"");
	feed(&world, 1026, "\"c\"");
	site_expect(&world.site, "r@1 resolved b 0 1020\n");
	world_deinit(&world);
}

Test(correct, what_a_late_reading_changes_is_told_at_the_next_boundary_in_order)
{
	expect_corrections(false);
}

Test(correct, marks_survive_a_restart)
{
	expect_corrections(true);
}

Test(correct, a_window_that_no_longer_holds_resolves)
{
	static const char *const few[] = {"window", "10s",     "threshold", "< 2",
					  "late",   "correct", NULL};
	struct world world;

	world_init(&world, few);
	begin(&world);
	feed(&world, 1003, "\"a\"");
	feed(&world, 1020, "\"c\"");
	cr_expect_str_eq(world.site.alerts[world.site.alert_count - 2].text,
			 "r@1 resolved a 2 1005 was 1 warning");
	cr_expect_str_eq(world.site.alerts[world.site.alert_count - 1].text,
			 "r@1 resolved a 2 1010 was 1 warning");
	world_deinit(&world);
}

Test(correct, another_level_is_told_with_the_one_before)
{
	static const char *const levels[] = {
		"window", "5s",      "severities", "{warning=>= 1;critical=>= 2}",
		"late",   "correct", NULL};
	struct world world;

	world_init(&world, levels);
	begin(&world);
	feed(&world, 1003, "\"a\"");
	feed(&world, 1021, "\"c\"");
	cr_assert_gt(world.site.alert_count, 0);
	cr_expect_str_eq(world.site.alerts[world.site.alert_count - 1].text,
			 "r@1 firing a 2 1005 was 1 warning");
	cr_expect(strncmp(world.site.alerts[world.site.alert_count - 1].more, "critical", 8) == 0);
	world_deinit(&world);
}

Test(correct, the_newest_64_windows_are_judged_again)
{
	static const char *const long_window[] = {"window", "10m",     "threshold", ">= 1",
						  "late",   "correct", NULL};
	struct world world;
	char wanted[60];

	world_init(&world, long_window);
	feed(&world, 1000, "\"z\"");
	feed(&world, 1705, "\"z\"");
	world.site.alert_count = 0;
	feed(&world, 1300, "\"a\"");
	feed(&world, 1710, "\"z\"");
	/* One alert of 1705, and those of 1385 to 1700. */
	cr_assert_eq(world.site.alert_count, 65, "%u", world.site.alert_count);
	cr_expect_str_eq(world.site.alerts[0].text, "r@1 firing a 1 1705");
	for (int i = 1; i <= 64; i++) {
		snprintf(wanted, sizeof(wanted), "r@1 firing a 1 %d was 0 -", 1380 + 5 * i);
		cr_expect_str_eq(world.site.alerts[i].text, wanted);
	}
	world_deinit(&world);
}

/** More keys than a rule may have marks. */
static void expect_limit(bool is_descending)
{
	static const char *const once[] = {"window", "5s",      "threshold", ">= 1",
					   "late",   "correct", NULL};
	struct world world;
	char wanted[60];

	world_init(&world, once);
	feed(&world, 1000, "-1");
	feed(&world, 1011, "-1");
	for (int i = 0; i < 1003; i++) {
		char key[20];

		snprintf(key, sizeof(key), "%d", is_descending ? 1002 - i : i);
		feed(&world, 1002, key);
	}
	restart(&world);
	cr_expect_eq(status_of(&world).correction_lost_count, 3);
	world.site.alert_count = 0;
	feed(&world, 1015, "-1");
	cr_assert_eq(status_of(&world).correction_count, 1000);
	cr_assert_geq(world.site.alert_count, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(wanted, sizeof(wanted), "r@1 firing %u 1 1005 was 0 -", i + 3);
		cr_expect_str_eq(world.site.alerts[world.site.alert_count - 1000 + i].text, wanted);
	}
	world_deinit(&world);
}

Test(correct, beyond_the_limit_of_marks_they_are_counted)
{
	expect_limit(false);
	expect_limit(true);
}

Test(correct, another_rule_of_the_same_metric_tells_nothing_of_it)
{
	static const char *const plain[] = {"window", "10s", "threshold", ">= 2", NULL};
	struct world world;
	struct rule *rules[2];

	site_init(&world.site);
	rules[0] = site_rule(&world.site, "plain", 1, "group", by_k, plain);
	rules[1] = site_rule(&world.site, "r", 1, "group", by_k, twice);
	site_install(&world.site, rules, 2);
	world.partition = site_open(&world.site, "pay", "p", false);
	begin(&world);
	feed(&world, 1003, "\"a\"");
	feed(&world, 1020, "\"c\"");
	site_expect(&world.site, "r@1 firing a 2 1005 was 1 -\nr@1 firing a 2 1010 was 1 -\n");
	rule_unref(rules[0]);
	rule_unref(rules[1]);
	site_deinit(&world.site);
}

Test(correct, another_version_begins_anew)
{
	struct world world;
	struct rule *second;

	world_init(&world, twice);
	begin(&world);
	feed(&world, 1003, "\"a\"");
	second = site_rule(&world.site, "r", 2, "group", by_k, twice);
	site_install(&world.site, &second, 1);
	rule_unref(world.rule);
	world.rule = second;
	feed(&world, 1004, "\"a\"");
	restart(&world);
	feed(&world, 1020, "\"c\"");
	site_expect(&world.site, "");
	/* What it judged itself it corrects. */
	feed(&world, 1013, "\"c\"");
	feed(&world, 1013, "\"c\"");
	feed(&world, 1026, "\"d\"");
	site_expect(&world.site, "r@2 firing c 3 1020\nr@2 firing c 2 1015 was 0 -\n");
	world_deinit(&world);
}

Test(correct, keys_that_are_left_out_are_not_corrected)
{
	static const char *const without[] = {"window",  "10s",  "threshold", ">= 2", "exclude",
					      "{k={a}}", "late", "correct",   NULL};
	struct world world;

	world_init(&world, without);
	begin(&world);
	feed(&world, 1003, "\"a\"");
	feed(&world, 1008, "\"b\"");
	feed(&world, 1020, "\"c\"");
	site_expect(&world.site, "r@1 firing b 2 1015\nr@1 firing b 2 1010 was 1 -\n");
	world_deinit(&world);
}

Test(correct, a_damaged_row_is_refused_at_the_start)
{
	struct world world;
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	struct engine_options options = {0};
	struct engine *engine = NULL;
	struct err_note why = {0};

	world_init(&world, twice);
	begin(&world);
	key_begin(&key, KEYSPACE_CORRECTION);
	key_add_text(&key, "r");
	keyspace_seal(&value, SLICE_LITERAL("short"));
	kv_batch_put(commit_batch(world.site.commit), bytes_slice(&key), bytes_slice(&value));
	commit_kick(world.site.commit);
	options.kv = world.site.kv;
	options.commit = world.site.commit;
	cr_assert_eq(engine_new(&engine, &options, &why), 0);
	cr_expect_eq(engine_install(engine, world.site.config, &world.rule, 1, 0, 0, &why),
		     ERR_CORRUPT);
	cr_expect_str_eq(why.text, "a stored correction is damaged");
	engine_free(engine);
	bytes_deinit(&key);
	bytes_deinit(&value);
	world_deinit(&world);
}
