/* Random lives of alerts, silences and sites: what holds for all of them. */
#include "handling_world.h"

#include "core/base/mem.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 6, RULES = 3, STEPS = 250, SEEDS = 20 };

static const char *const rules[RULES] = {"gateway", "pay_slow", "pay_fast"};
static const char *const severities[] = {"info", "warning", "critical"};
static const char *const sites[] = {
	"\"routes\": [{\"match\": {\"severity\": \"critical\"}, \"outputs\": [\"pager\"], "
	"\"continue\": true}, {\"match\": {\"rule\": {\"regex\": \"^pay\"}}, \"outputs\": "
	"[\"ops\", \"alerts\"], \"group\": {\"by\": [\"rule\"], \"wait\": \"30s\", \"interval\": "
	"\"5m\"}, \"repeat_every\": \"6m\"}], "
	"\"inhibit\": [{\"source\": {\"rule\": \"gateway\"}, \"target\": {\"rule\": \"pay_slow\"}, "
	"\"equal\": [\"merchantId\"], \"settle\": \"5s\"}, {\"source\": {\"severity\": "
	"\"critical\"}, \"target\": {\"severity\": \"info\"}, \"settle\": \"2s\"}]",
	"\"routes\": [{\"match\": {\"rule\": \"pay_fast\"}, \"outputs\": [\"zh\", \"ops\"], "
	"\"repeat_every\": \"2m\"}], "
	"\"inhibit\": [{\"source\": {\"rule\": \"pay_fast\"}, \"target\": {\"rule\": "
	"[\"gateway\", \"pay_slow\"]}, \"settle\": \"0s\"}]",
};
static const char *const matches[] = {
	"{\"rule\": \"pay_slow\"}",
	"{\"dimension\": {\"merchantId\": [\"m1\", \"m2\"]}}",
	"{\"severity\": {\"regex\": \"^c\"}}",
};

/** A life: the same numbers give the same one, with or without restarts. */
struct life {
	struct world world;
	uint64_t random;
	bool is_open[RULES][KEYS];
	bool restarts;
	uint64_t silences;
	struct bytes in_order; /* what was sent */
	struct bytes told;     /* of each turn: what was sent, in order of the text */
};

static uint32_t below(struct life *life, uint32_t bound)
{
	life->random = life->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(life->random >> 33) % bound;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** The order within a turn is not promised: which of several that wait is looked at first. */
static void note_turn(struct life *life)
{
	char *parts[4096];
	size_t count = 0;
	char *rest = life->world.sent.data;

	bytes_append_slice(&life->in_order, bytes_slice(&life->world.sent));
	for (char *end; rest != NULL && (end = strstr(rest, "; ")) != NULL; rest = end + 2) {
		*end = '\0';
		cr_assert(count < 4096);
		parts[count++] = rest;
	}
	qsort(parts, count, sizeof(parts[0]), compare_texts);
	for (size_t i = 0; i < count; i++)
		bytes_append_format(&life->told, "%s; ", parts[i]);
	bytes_append_text(&life->told, "\n");
	bytes_clear(&life->world.sent);
}

static void turn(struct life *life)
{
	world_turn(&life->world);
	if (life->restarts)
		world_restart(&life->world);
	note_turn(life);
}

static void alert(struct life *life, uint32_t rule, uint32_t key, bool is_resolve)
{
	char merchant[8];

	snprintf(merchant, sizeof(merchant), "m%u", key);
	world_alert(&life->world, rules[rule], merchant, severities[below(life, 3)],
		    is_resolve            ? ALERT_RESOLVED
		    : below(life, 8) == 0 ? ALERT_NODATA
					  : ALERT_FIRING);
	life->is_open[rule][key] = !is_resolve;
}

static void silence(struct life *life)
{
	struct silence_request request = {
		.match_json = matches[below(life, 3)],
		.zone = "UTC",
		.author = "ann",
		.reason = "r",
		.start_ms = life->world.now_ms + below(life, 2) * 10 * SECOND,
		.until_resolved = below(life, 3) == 0,
	};
	const struct silence *added = NULL;

	request.end_ms = request.start_ms + (1 + below(life, 20)) * 10 * SECOND;
	cr_assert_eq(silences_add(handling_silences(life->world.handling), &request,
				  life->world.now_ms, &added, NULL),
		     0);
	life->silences = added->number;
}

static void step(struct life *life)
{
	uint32_t rule = below(life, RULES), key = below(life, KEYS), what = below(life, 20);

	if (what < 10)
		alert(life, rule, key, life->is_open[rule][key] && below(life, 2) == 0);
	else if (what < 16)
		life->world.now_ms += below(life, 20) * SECOND;
	else if (what < 18)
		silence(life);
	else if (what == 18 && life->silences > 0 &&
		 silences_expire(handling_silences(life->world.handling),
				 1 + below(life, (uint32_t)life->silences), "bob", "done",
				 life->world.now_ms, NULL) == 0)
		handling_recheck(life->world.handling);
	else if (what == 19)
		world_configure(&life->world, sites[below(life, 2)]);
	/* Several alerts of one turn are usual: a boundary of a rule. */
	if (below(life, 3) > 0)
		turn(life);
}

static void live(struct life *life, uint64_t seed, bool restarts)
{
	memset(life, 0, sizeof(*life));
	life->random = seed;
	life->restarts = restarts;
	world_open(&life->world, sites[0]);
	for (int i = 0; i < STEPS; i++)
		step(life);
	turn(life);
	for (int i = 0; i < 40; i++) { /* silences end, groups are sent */
		life->world.now_ms += 30 * SECOND;
		turn(life);
	}
}

static void end(struct life *life)
{
	world_close(&life->world);
	bytes_deinit(&life->told);
	bytes_deinit(&life->in_order);
}

Test(random, a_restart_at_every_turn_changes_nothing_that_is_told)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct life one, other;

		live(&one, seed, false);
		live(&other, seed, true);
		size_t at = 0;
		while (one.told.data[at] != '\0' && one.told.data[at] == other.told.data[at])
			at++;
		at = at > 300 ? at - 300 : 0;
		cr_expect_str_eq(one.told.data, other.told.data, "seed %llu:\n%.400s\n---\n%.400s",
				 (unsigned long long)seed, one.told.data + at,
				 other.told.data + at);
		end(&one);
		end(&other);
	}
}

/** How many openings of the alert since its last resolve an output has heard: of what was told in
 *  order. A resolve without an opening is a fault. */
static uint32_t heard(const char *told, const char *output, const char *rule, uint32_t key,
		      uint64_t seed)
{
	char wanted[64];
	uint32_t count = 0;
	const char *document = told;

	snprintf(wanted, sizeof(wanted), "%s|m%u ", rule, key);
	for (const char *stop; (stop = strpbrk(document, ";\n")) != NULL; document = stop + 1) {
		const char *start = document + strspn(document, " ");
		const char *at = start;

		if (strncmp(start, output, strlen(output)) != 0 || start[strlen(output)] != ':')
			continue;
		while ((at = strstr(at, wanted)) != NULL && at < stop) {
			at += strlen(wanted);
			if (strncmp(at, "resolved", 8) != 0) {
				count++;
				continue;
			}
			cr_expect(count > 0, "seed %llu: %s hears a resolve of %s without firing",
				  (unsigned long long)seed, output, wanted);
			count = 0;
		}
	}
	return count;
}

Test(random, who_was_told_hears_the_resolve_and_what_is_open_in_the_end_was_told_to_somebody)
{
	static const char *const outputs[] = {"alerts", "ops", "pager", "zh"};

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct life life;

		live(&life, seed, false);
		for (uint32_t i = 0; i < RULES * KEYS; i++) {
			uint32_t rule = i / KEYS, key = i % KEYS, total = 0;
			char text[64];

			for (int output = 0; output < 4; output++)
				total += heard(life.in_order.data, outputs[output], rules[rule],
					       key, seed);
			snprintf(text, sizeof(text), "seed %llu: %s|m%u", (unsigned long long)seed,
				 rules[rule], key);
			if (!life.is_open[rule][key])
				cr_expect_eq(total, 0, "%s has resolved, not for all", text);
		}
		struct handling_usage usage = world_usage(&life.world);
		cr_expect_eq(usage.held_count, 0);
		cr_expect_eq(usage.silenced_count, 0);
		cr_expect_eq(usage.settling_count, 0);
		end(&life);
	}
}
