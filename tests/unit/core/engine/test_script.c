/* Rules that are asked about readings: severities that change while the key fires, and rules with
 * more keys than they may have. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/model/value.h"

#include "site.h"

/** What a reading's `s` says: i, w, c fire with that severity, f with the rule's, r resolves,
 *  others change nothing. A byte is kept of each key. */
static enum rule_answer answer_of(const struct value *value, struct rule_verdict *verdict)
{
	static const struct {
		char letter;
		const char *severity;
	} severities[] = {{'i', "info"}, {'w', "warning"}, {'c', "critical"}};
	char letter = value->type == VALUE_STRING && value->length > 0 ? value->as.text[0] : '-';

	*verdict = (struct rule_verdict){.is_firing = true};
	if (letter == 'r')
		return RULE_ANSWER_RESOLVED;
	if (letter == 'f')
		return RULE_ANSWER_FIRING;
	for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		if (severities[i].letter == letter) {
			verdict->severity = mem_copy_text(severities[i].severity);
			return RULE_ANSWER_FIRING;
		}
	return RULE_ANSWER_NONE;
}

static int on_reading(struct rule_runner *runner, const struct rule_readings *readings,
		      const uint16_t *rows, uint32_t row_count, const struct rule_walk *walk,
		      uint32_t *done, struct err_note *why)
{
	(void)runner;
	(void)why;
	for (; *done < row_count; ++*done) {
		struct rule_call *call = walk->begin(walk->arg, rows[*done]);
		struct rule_verdict verdict;
		enum rule_answer answer;

		if (call == NULL)
			return 0;
		answer = answer_of(&readings->columns[0][rows[*done]], &verdict);
		call->memory.state = (struct slice){"x", 1};
		call->memory.has_new_state = true;
		walk->end(walk->arg, call, answer, &verdict);
		rule_verdict_clear(&verdict);
	}
	return 0;
}

static void free_nothing(struct rule_runner *runner)
{
	(void)runner;
}

static const struct rule_runner_ops ops = {.on_reading = on_reading, .free = free_nothing};
static const char *const by_k[] = {"k", NULL};

struct world {
	struct site site;
	struct rule_runner runner;
	struct rule *rule;
	uint32_t partition;
};

static void begin(struct world *world, const char *const *pairs)
{
	site_init(&world->site);
	world->runner.ops = &ops;
	world->rule = site_reader(&world->site, "r", by_k, pairs, &world->runner);
	site_install(&world->site, &world->rule, 1);
	world->partition = site_open(&world->site, "pay", "p", false);
}

static void end(struct world *world)
{
	rule_unref(world->rule);
	site_deinit(&world->site);
}

/** Readings "second key s" each, all of them a bundle, or each by itself. */
static void feed(struct world *world, const char *readings, bool is_cut)
{
	struct bytes lines = BYTES_EMPTY;
	int time, length;
	char key, letter;

	for (; sscanf(readings, " %d%c%c%n", &time, &key, &letter, &length) == 3;
	     readings += length) {
		bytes_append_format(&lines, "{\"time\":%d,\"k\":\"%c\",\"s\":\"%c\"}\n", time, key,
				    letter);
		if (!is_cut && sscanf(readings + length, " %d", &time) == 1)
			continue;
		site_feed(&world->site, "pay", world->partition, lines.data);
		site_advance(&world->site);
		bytes_clear(&lines);
	}
	bytes_deinit(&lines);
}

static void restart(struct world *world)
{
	site_restart(&world->site, &world->rule, 1);
	world->partition = site_open(&world->site, "pay", "p", false);
}

#define PAIRS(...) ((const char *const[]){"window", "10s", "reads", "{s}", __VA_ARGS__, NULL})

static void expect_severities(struct world *world, const char *severities)
{
	struct bytes got = BYTES_EMPTY;

	for (uint32_t i = 0; i < world->site.alert_count; i++)
		bytes_append_format(&got, "%s%.*s", i > 0 ? " " : "",
				    (int)strcspn(world->site.alerts[i].more, " "),
				    world->site.alerts[i].more);
	cr_expect_str_eq(got.data, severities);
	bytes_deinit(&got);
}

Test(script, another_severity_while_it_fires_is_another_alert)
{
	struct world world;

	begin(&world, PAIRS("severity", "info"));
	feed(&world, "1001aw 1002aw 1003ac 1004a- 1005aw 1006af 1007ac 1008ar 1009ar", false);
	expect_severities(&world, "warning critical warning info critical critical");
	site_expect(&world.site, "r@1 firing a - 1001\nr@1 firing a - 1003\nr@1 firing a - 1005\n"
				 "r@1 firing a - 1006\nr@1 firing a - 1007\n"
				 "r@1 resolved a - 1008\n");
	end(&world);
}

Test(script, the_severity_is_known_after_a_restart)
{
	struct world world;

	begin(&world, PAIRS("severity", "info"));
	feed(&world, "1001ac", false);
	site_expect(&world.site, "r@1 firing a - 1001\n");
	restart(&world);
	feed(&world, "1002ac 1003aw", false);
	restart(&world);
	feed(&world, "1004aw 1005ar", false);
	expect_severities(&world, "warning warning");
	site_expect(&world.site, "r@1 firing a - 1003\nr@1 resolved a - 1005\n");
	end(&world);
}

/* The third key finds no room, which is one alert. It is over when none was refused for a minute
 * (until then up to a sixteenth later) and there is room: a and b are idle after a minute, too. */
static void check_too_many_keys(bool is_cut, bool is_killed)
{
	struct world world;

	begin(&world, PAIRS("keys_max", "#2", "key_idle", "60s"));
	feed(&world, "1001af 1002b- 1003cf 1004d- 1005df", is_cut);
	site_expect(&world.site, "r@1 firing a - 1001\nr@1 firing . - 1003 keys_max\n");
	if (is_killed)
		restart(&world);
	/* a fires, so it stays; it is b that goes. */
	feed(&world, "1040a- 1069a- 1071af 1075a-", is_cut);
	site_expect(&world.site, "r@1 resolved . - 1068 keys_max\n");
	if (is_killed)
		restart(&world);
	feed(&world, "1076cf 1077df 1300ar", is_cut);
	site_expect(&world.site, "r@1 firing c - 1076\nr@1 firing . - 1077 keys_max\n"
				 "r@1 resolved a - 1300\n");
	end(&world);
}

Test(script, too_many_keys_are_one_alert)
{
	check_too_many_keys(false, false);
	check_too_many_keys(true, false);
	check_too_many_keys(true, true);
}

Test(script, as_long_as_there_is_no_room_it_is_not_over)
{
	struct world world;

	begin(&world, PAIRS("keys_max", "#1"));
	feed(&world, "1001a- 1003b- 1500a-", false);
	site_expect(&world.site, "r@1 firing . - 1003 keys_max\n");
	end(&world);
}

Test(script, keys_that_are_left_out_take_no_room)
{
	struct world world;

	begin(&world, PAIRS("keys_max", "#1", "dimensions", "{k={c;d}}", "exclude", "{k={d}}"));
	feed(&world, "1001af 1002bf 1003df 1004cf 1005af 1200ar", false);
	site_expect(&world.site, "r@1 firing c - 1004\n");
	end(&world);
}

Test(script, streaks_have_a_limit_of_keys_too)
{
	struct world world;
	static const char *const pairs[] = {"filter",   "k ~= '-'", "field", "s",        "streak",
					    "#2",       "window",   "10s",   "keys_max", "#1",
					    "key_idle", "60s",      NULL};

	site_init(&world.site);
	world.rule = site_rule(&world.site, "r", 1, "continuous", by_k, pairs);
	site_install(&world.site, &world.rule, 1);
	world.partition = site_open(&world.site, "pay", "p", false);
	/* The run of a ends at 1012, but what was told of it is kept until a is idle. */
	feed(&world, "1001ax 1002ax 1003bx 1003bx 1020-- 1021bx 1022bx 1090-- 1091bx 1092bx",
	     false);
	site_expect(&world.site, "r@1 firing a,x 2 1002\nr@1 firing . - 1003 keys_max\n"
				 "r@1 resolved a,x 2 1012\nr@1 resolved . - 1083 keys_max\n"
				 "r@1 firing b,x 2 1092\n");
	end(&world);
}
