#include "storage/shadow_log.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "storage/commit.h"
#include "storage/kv.h"

struct world {
	struct kv *kv;
	struct commit *commit;
	struct shadow_log *log;
};

static void start(struct world *world)
{
	struct commit_options options = {0};
	struct err_note why = {0};

	cr_assert_eq(commit_new(&world->commit, world->kv, &options, &why), 0);
	cr_assert_eq(shadow_log_new(&world->log, world->kv, world->commit, &why), 0, "%s",
		     why.text);
}

static void stop(struct world *world)
{
	commit_kick(world->commit);
	shadow_log_free(world->log);
	commit_free(world->commit);
}

static void restart(struct world *world)
{
	stop(world);
	start(world);
}

static struct world world_new(void)
{
	struct world world = {.kv = kv_memory_new()};

	start(&world);
	return world;
}

static void world_free(struct world *world)
{
	stop(world);
	kv_free(world->kv);
}

static void add(struct world *world, const char *name, enum shadow_side side, int number)
{
	char text[32];

	snprintf(text, sizeof(text), "{\"n\":%d}", number);
	shadow_log_add(world->log, name, side, slice_of(text));
}

struct seen {
	int count, first, last;
};

static void on_document(void *arg, struct slice document)
{
	struct seen *seen = arg;
	int number = 0;

	cr_assert_eq(sscanf(document.data, "{\"n\":%d}", &number), 1);
	if (seen->count++ == 0)
		seen->first = number;
	seen->last = number;
}

static struct seen look(struct world *world, const char *name, enum shadow_side side)
{
	struct seen seen = {0};
	struct err_note why = {0};

	commit_kick(world->commit);
	cr_assert_eq(shadow_log_each(world->log, name, side, on_document, &seen, &why), 0);
	return seen;
}

Test(shadow_log, a_shadow_and_its_alerts_are_there_after_a_restart)
{
	struct world world = world_new();
	const struct shadow *shadow;

	cr_assert_eq(shadow_log_start(world.log, "r", 3, "uid:0(root)", 1234, NULL), 0);
	add(&world, "r", SHADOW_ACTIVE, 1);
	add(&world, "r", SHADOW_SHADOW, 2);
	add(&world, "r", SHADOW_SHADOW, 3);
	restart(&world);
	shadow = shadow_log_find(world.log, "r");
	cr_assert_not_null(shadow);
	cr_assert_eq(shadow->version, 3);
	cr_assert_eq(shadow->since_ms, 1234);
	cr_assert_str_eq(shadow->actor, "uid:0(root)");
	cr_assert_eq(shadow->next[SHADOW_SHADOW], 3);
	add(&world, "r", SHADOW_SHADOW, 4);
	cr_assert_eq(look(&world, "r", SHADOW_ACTIVE).count, 1);
	cr_assert_eq(look(&world, "r", SHADOW_SHADOW).count, 3);
	cr_assert_eq(look(&world, "r", SHADOW_SHADOW).last, 4);
	world_free(&world);
}

Test(shadow_log, alerts_of_rules_without_a_shadow_are_not_kept)
{
	struct world world = world_new();

	shadow_log_start(world.log, "r", 3, "", 1, NULL);
	add(&world, "r2", SHADOW_ACTIVE, 1);
	cr_assert_eq(look(&world, "r2", SHADOW_ACTIVE).count, 0);
	cr_assert_null(shadow_log_find(world.log, "r2"));
	world_free(&world);
}

Test(shadow_log, stopping_or_starting_again_forgets_the_alerts)
{
	struct world world = world_new();

	shadow_log_start(world.log, "r", 3, "", 1, NULL);
	shadow_log_start(world.log, "r2", 1, "", 1, NULL);
	add(&world, "r", SHADOW_SHADOW, 1);
	add(&world, "r2", SHADOW_SHADOW, 1);
	shadow_log_start(world.log, "r", 4, "", 2, NULL);
	cr_assert_eq(shadow_log_count(world.log), 2);
	cr_assert_eq(shadow_log_find(world.log, "r")->version, 4);
	cr_assert_eq(look(&world, "r", SHADOW_SHADOW).count, 0);
	cr_assert(shadow_log_stop(world.log, "r"));
	cr_assert_not(shadow_log_stop(world.log, "r"));
	restart(&world);
	cr_assert_eq(shadow_log_count(world.log), 1);
	cr_assert_eq(look(&world, "r2", SHADOW_SHADOW).count, 1);
	world_free(&world);
}

Test(shadow_log, the_oldest_alerts_make_room)
{
	struct world world = world_new();
	struct seen seen;

	shadow_log_start(world.log, "r", 3, "", 1, NULL);
	for (int i = 1; i < SHADOW_ALERTS_MAX; i++)
		add(&world, "r", SHADOW_SHADOW, i);
	cr_assert_eq(look(&world, "r", SHADOW_SHADOW).count, SHADOW_ALERTS_MAX - 1);
	add(&world, "r", SHADOW_SHADOW, SHADOW_ALERTS_MAX);
	cr_assert_eq(look(&world, "r", SHADOW_SHADOW).first, 1);
	add(&world, "r", SHADOW_SHADOW, SHADOW_ALERTS_MAX + 1);
	seen = look(&world, "r", SHADOW_SHADOW);
	cr_assert_eq(seen.count, SHADOW_ALERTS_MAX);
	cr_assert_eq(seen.first, 2);
	restart(&world);
	cr_assert_eq(shadow_log_find(world.log, "r")->first[SHADOW_SHADOW], 2);
	cr_assert_eq(shadow_log_find(world.log, "r")->next[SHADOW_SHADOW], SHADOW_ALERTS_MAX + 2);
	world_free(&world);
}

Test(shadow_log, there_is_a_limit_of_shadows)
{
	struct world world = world_new();
	struct err_note why = {0};
	char name[16];

	for (int i = 0; i < SHADOW_COUNT_MAX; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		cr_assert_eq(shadow_log_start(world.log, name, 1, "", 1, &why), 0);
	}
	cr_assert_eq(shadow_log_start(world.log, "one more", 1, "", 1, &why), ERR_FULL);
	cr_assert_eq(shadow_log_start(world.log, "r5", 2, "", 1, &why), 0);
	restart(&world);
	cr_assert_eq(shadow_log_count(world.log), SHADOW_COUNT_MAX);
	world_free(&world);
}
