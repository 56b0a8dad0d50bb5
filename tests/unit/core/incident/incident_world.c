#include "incident_world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/dimension.h"
#include "core/model/value.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <string.h>

static void on_event(void *arg, const struct incident *incident, const char *event)
{
	struct world *world = arg;
	bytes_append_format(&world->events, "%s %llu; ", event,
			    (unsigned long long)incident->number);
	if (world->run_on_opened == incident->number && strcmp(event, "opened") == 0)
		incident_run_started(world->store, incident->number, "help", "help-1", 5);
}

void start(struct world *world)
{
	struct commit_options commit_options = {0};
	struct err_note why = {{0}};
	cr_assert_eq(commit_new(&world->commit, world->kv, &commit_options, &why), 0);
	struct incident_options options = {.kv = world->kv,
					   .commit = world->commit,
					   .settings = &world->settings,
					   .on_event = on_event,
					   .arg = world};
	cr_assert_eq(incident_store_new(&world->store, &options, &why), 0, "%s", why.text);
}

void stop(struct world *world)
{
	commit_free(world->commit);
	incident_store_free(world->store);
}

void open_world(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->kv = kv_memory_new();
	world->now_ms = 1000000;
	incident_settings_default(&world->settings);
	world->settings.member_field = "merchantId";
	start(world);
}

void restart(struct world *world)
{
	commit_kick(world->commit);
	stop(world);
	start(world);
}

void close_world(struct world *world)
{
	stop(world);
	kv_free(world->kv);
	bytes_deinit(&world->events);
	bytes_deinit(&world->key);
}

static const char *const by_merchant[] = {"merchantId"};

struct alert make_alert(struct world *world, const char *rule, const char *merchant,
			enum alert_state state)
{
	struct value value = {.type = VALUE_STRING, .length = (uint32_t)strlen(merchant)};
	value.as.text = merchant;
	bytes_clear(&world->key);
	dimension_append(&world->key, &value);
	return (struct alert){.rule = rule,
			      .title = "Slow payments",
			      .state = state,
			      .window_start_ms = 900000,
			      .key = bytes_slice(&world->key),
			      .by = by_merchant,
			      .by_count = 1,
			      .severity = "warning",
			      .labels_json = "{\"team\":\"pay\"}",
			      .message = "too slow",
			      .category = "offline/food"};
}

const struct incident *give(struct world *world, const char *rule, const char *merchant,
			    enum alert_state state)
{
	struct alert alert = make_alert(world, rule, merchant, state);
	char *key = incident_key(&alert, NULL, 0, false);
	const struct incident *incident =
		incident_on_alert(world->store, &alert, key, world->now_ms);
	mem_free(key);
	return incident;
}

const struct incident *fire(struct world *world, const char *merchant)
{
	return give(world, "slow", merchant, ALERT_FIRING);
}

const struct incident *calm(struct world *world, const char *merchant)
{
	return give(world, "slow", merchant, ALERT_RESOLVED);
}

void expect_events(struct world *world, const char *wanted)
{
	cr_expect_str_eq(world->events.data ? world->events.data : "", wanted);
	bytes_clear(&world->events);
}
