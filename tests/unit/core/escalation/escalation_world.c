#include "escalation_world.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/handling/json_tree.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

static const char base[] =
	"\"people\": {\"ann\": {\"name\": \"Ann\"}, \"bob\": {\"name\": \"Bob\"}, "
	"\"eve\": {\"name\": \"Eve\"}}, "
	"\"outputs\": {\"ops\": {\"file\": \"o\"}, \"team\": {\"file\": \"t\"}}, "
	"\"categories\": {\"online\": {\"members\": [\"m1\"]}, "
	"\"online/pay\": {\"parent\": \"online\", \"members\": [\"m2\"]}}, "
	"\"schedules\": {\"pay\": {\"layers\": [{\"people\": [\"ann\"]}]}, "
	"\"gap\": {\"layers\": [{\"people\": [\"ann\"], \"days\": \"sun\"}]}}";

static struct config *make_config(const char *site)
{
	struct arena arena;
	struct report report;
	const struct tree *tree = NULL;
	struct err_note why = {{0}};
	char *text = mem_format("{%s%s%s}", base, site[0] != '\0' ? ", " : "", site);

	arena_init(&arena);
	report_init(&report);
	cr_assert_eq(json_tree_new(text, &arena, &tree, &why), 0, "%s", why.text);
	struct config *config = config_new(tree, "tocsin.lua", &report);
	cr_assert(config != NULL, "%s", report.count > 0 ? report.findings[0].text : "");
	report_deinit(&report);
	arena_deinit(&arena);
	mem_free(text);
	return config;
}

static int on_page(void *arg, const struct chain_page *page, struct err_note *why)
{
	struct world *world = arg;
	const char *name = page->person != NULL ? page->person : page->output;

	if (world->unreachable != NULL && strcmp(world->unreachable, name) == 0)
		return err_set(why, ERR_FULL, "the pager of %s is full", name);
	bytes_append_format(&world->pages, "%lld %s %s%s; ",
			    (long long)((loop_wall_ms(world->loop) - WORLD_START_MS) / SECOND_MS),
			    name, page->event, page->is_important ? "!" : "");
	return 0;
}

static int on_start_plan(void *arg, const char *plan, uint64_t incident, const char *cause,
			 struct err_note *why)
{
	struct world *world = arg;

	(void)cause;
	if (strcmp(plan, "missing") == 0)
		return err_set(why, ERR_NOT_FOUND, "there is no plan missing");
	bytes_append_format(&world->pages, "plan %s; ", plan);
	if (world->has_plan_at_once)
		incident_run_started(world->incidents, incident, plan, "run-1",
				     loop_wall_ms(world->loop));
	return 0;
}

static void on_event(void *arg, const struct incident *incident, const char *event)
{
	struct world *world = arg;

	escalation_on_incident(world->escalation, incident, event);
}

static void start(struct world *world)
{
	struct commit_options commit = {0};
	struct incident_options incidents = {.kv = world->kv, .on_event = on_event, .arg = world};
	struct escalation_options options = {
		.kv = world->kv,
		.loop = world->loop,
		.page = on_page,
		.start_plan = on_start_plan,
		.arg = world,
	};
	struct err_note why = {{0}};

	cr_assert_eq(commit_new(&world->commit, world->kv, &commit, &why), 0);
	incidents.commit = world->commit;
	cr_assert_eq(incident_store_new(&world->incidents, &incidents, &why), 0, "%s", why.text);
	cr_assert_eq(override_store_new(&world->overrides, world->kv, world->commit, &why), 0, "%s",
		     why.text);
	options.commit = world->commit;
	options.incidents = world->incidents;
	options.overrides = world->overrides;
	cr_assert_eq(escalation_new(&world->escalation, &options, &why), 0, "%s", why.text);
	escalation_configure(world->escalation, world->config);
	escalation_resume(world->escalation);
}

static void stop(struct world *world)
{
	escalation_free(world->escalation);
	override_store_free(world->overrides);
	incident_store_free(world->incidents);
	commit_free(world->commit);
}

void open_world(struct world *world, const char *site)
{
	memset(world, 0, sizeof(*world));
	world->kv = kv_memory_new();
	world->loop = loop_virtual_new(WORLD_START_MS);
	world->config = make_config(site);
	start(world);
	loop_virtual_turn(world->loop); /* the first sweep */
}

void close_world(struct world *world)
{
	stop(world);
	config_unref(world->config);
	loop_free(world->loop);
	kv_free(world->kv);
	bytes_deinit(&world->pages);
	bytes_deinit(&world->key);
}

void configure(struct world *world, const char *site)
{
	config_unref(world->config);
	world->config = make_config(site);
	escalation_configure(world->escalation, world->config);
}

void crash_and_step(struct world *world, int64_t down_ms, int64_t step_ms)
{
	stop(world);
	loop_virtual_advance(world->loop, down_ms);
	loop_virtual_step(world->loop, step_ms);
	start(world);
}

void crash(struct world *world, int64_t down_ms)
{
	crash_and_step(world, down_ms, 0);
}

static struct alert make_alert(const char *rule, const char *category, enum alert_state state)
{
	return (struct alert){.rule = rule,
			      .title = "Slow payments",
			      .state = state,
			      .severity = "warning",
			      .labels_json = "{}",
			      .category = category};
}

uint64_t fire(struct world *world, const char *rule, const char *category, const char *severity)
{
	struct alert alert = make_alert(rule, category, ALERT_FIRING);

	alert.severity = severity;
	const struct incident *incident =
		incident_on_alert(world->incidents, &alert, rule, loop_wall_ms(world->loop));
	commit_kick(world->commit);
	return incident->number;
}

void calm(struct world *world, const char *rule, const char *category)
{
	struct alert alert = make_alert(rule, category, ALERT_RESOLVED);

	incident_on_alert(world->incidents, &alert, rule, loop_wall_ms(world->loop));
	commit_kick(world->commit);
}

void act(struct world *world, enum incident_move move, uint64_t number)
{
	struct incident_command command = {.number = number,
					   .actor = "wang",
					   .reason = "so",
					   .now_ms = loop_wall_ms(world->loop)};
	struct err_note why = {{0}};

	cr_assert_eq(incident_do(world->incidents, move, &command, &why), 0, "%s", why.text);
}

void advance(struct world *world, int64_t by_ms)
{
	loop_virtual_advance(world->loop, by_ms);
}

void expect_pages(struct world *world, const char *wanted)
{
	cr_expect_str_eq(world->pages.data != NULL ? world->pages.data : "", wanted);
	bytes_clear(&world->pages);
}

struct facts {
	const char *kind;
	int count;
};

static void on_record(void *arg, struct slice json)
{
	struct facts *facts = arg;
	json_t *record = json_loadb(json.data, json.length, 0, NULL);

	if (strcmp(json_string_value(json_object_get(record, "kind")), facts->kind) == 0)
		facts->count++;
	json_decref(record);
}

int count_facts(struct world *world, uint64_t number, const char *kind)
{
	struct facts facts = {kind, 0};

	cr_assert_eq(incident_each_timeline(world->incidents, number, on_record, &facts, NULL), 0);
	return facts.count;
}

struct escalation_usage usage_of(const struct world *world)
{
	struct escalation_usage usage;

	escalation_usage(world->escalation, &usage);
	return usage;
}
