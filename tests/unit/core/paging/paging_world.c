#include "paging_world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/channel.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "core/model/timestamp.h"
#include "core/model/value.h"
#include "core/model/zone.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t now_of(void *arg)
{
	const struct world *world = arg;
	return world->now_ms;
}

static int send_row(void *arg, const char *output, const char *id, struct slice body,
		    struct err_note *why)
{
	struct world *world = arg;
	struct sent *sent = &world->sent[world->sent_count];

	if (world->full != NULL && strcmp(world->full, output) == 0)
		return err_set(why, ERR_FULL, "it is full");
	cr_assert_lt(world->sent_count, 4096u);
	sent->output = mem_copy_text(output);
	sent->id = mem_copy_text(id);
	sent->row = json_loadb(body.data, body.length, 0, NULL);
	cr_assert_not_null(sent->row, "%.*s", (int)body.length, body.data);
	world->sent_count++;
	return 0;
}

static void on_event(void *arg, const struct incident *incident, const char *event)
{
	struct world *world = arg;

	if (world->paging != NULL)
		paging_on_incident(world->paging, incident, event);
}

static void start(struct world *world)
{
	struct commit_options commit_options = {0};
	struct incident_options incidents;
	struct paging_options options;
	struct err_note why = {""};

	cr_assert_eq(commit_new(&world->commit, world->kv, &commit_options, &why), 0);
	incidents = (struct incident_options){
		.kv = world->kv, .commit = world->commit, .on_event = on_event, .arg = world};
	cr_assert_eq(incident_store_new(&world->incidents, &incidents, &why), 0, "%s", why.text);
	options = (struct paging_options){.kv = world->kv,
					  .commit = world->commit,
					  .incidents = world->incidents,
					  .now_ms = now_of,
					  .send = send_row,
					  .arg = world};
	cr_assert_eq(paging_new(&world->paging, &options, &why), 0, "%s", why.text);
	paging_configure(world->paging, &world->config);
}

static void stop(struct world *world)
{
	paging_free(world->paging);
	world->paging = NULL;
	commit_free(world->commit);
	incident_store_free(world->incidents);
}

static void make_people(struct world *world)
{
	struct oncall_person *wang = &world->people[0], *li = &world->people[1];

	world->wang_reach[0] = (struct person_reach){"voice", "+8613800000000"};
	world->wang_reach[1] = (struct person_reach){"ops", "@wang"};
	world->li_reach[0] = (struct person_reach){"mail", "li@example.com"};
	*wang = (struct oncall_person){.id = "wang",
				       .name = "Wang Wei",
				       .zone_name = "Asia/Shanghai",
				       .reach = world->wang_reach,
				       .reach_count = 2};
	*li = (struct oncall_person){.id = "li",
				     .name = "Li Na",
				     .zone_name = "Asia/Shanghai",
				     .reach = world->li_reach,
				     .reach_count = 1};
	cr_assert_eq(zone_open(&wang->zone, "Asia/Shanghai", NULL), 0);
	li->zone = wang->zone;
}

void open_world(struct world *world)
{
	static const char *const names[] = {"voice", "ops", "mail"};
	static const struct channel_settings channel = {.kind = CHANNEL_GATEWAY, .is_voice = true};

	memset(world, 0, sizeof(*world));
	world->kv = kv_memory_new();
	for (int i = 0; i < OUTPUTS; i++)
		world->outputs[i] = (struct config_output){
			.name = names[i], .kind = OUTPUT_CHANNEL, .channel = &channel};
	world->caps = (struct config_paging){world->person, world->output, 0, 30000};
	make_people(world);
	world->config.outputs = world->outputs;
	world->config.output_count = OUTPUTS;
	world->config.people = world->people;
	world->config.person_count = 2;
	world->config.paging = &world->caps;
	set_time(world, "2026-11-22T06:00:00Z");
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
	zone_free(world->people[0].zone);
	for (uint32_t i = 0; i < world->sent_count; i++) {
		mem_free(world->sent[i].output);
		mem_free(world->sent[i].id);
		json_decref(world->sent[i].row);
	}
}

void set_time(struct world *world, const char *text)
{
	cr_assert_eq(timestamp_parse(slice_of(text), &world->now_ms), 0);
}

void pass(struct world *world, int64_t ms)
{
	int64_t end_ms = world->now_ms + ms;

	while (paging_next_ms(world->paging) <= end_ms) {
		if (paging_next_ms(world->paging) > world->now_ms)
			world->now_ms = paging_next_ms(world->paging);
		paging_advance(world->paging);
	}
	world->now_ms = end_ms;
	incident_tick(world->incidents, end_ms);
	paging_advance(world->paging);
}

uint64_t open_incident(struct world *world, const char *priority)
{
	static const char *const by[] = {"merchantId"};
	static unsigned number;
	struct alert alert = {.rule = "slow",
			      .title = "Slow payments",
			      .state = ALERT_FIRING,
			      .severity = "warning",
			      .by = by,
			      .by_count = 1};
	struct incident_command command = {.actor = "test", .reason = "test"};
	struct err_note why = {""};
	const struct incident *incident;
	struct bytes dimension = BYTES_EMPTY;
	char key[32], merchant[16];
	struct value value = {.type = VALUE_STRING};

	value.length = (uint32_t)snprintf(merchant, sizeof(merchant), "m%u", number);
	value.as.text = merchant;
	dimension_append(&dimension, &value);
	alert.key = bytes_slice(&dimension);
	snprintf(key, sizeof(key), "rule:slow;n=%u", number++);
	incident = incident_on_alert(world->incidents, &alert, key, world->now_ms);
	bytes_deinit(&dimension);
	cr_assert_not_null(incident);
	command.number = incident->number;
	command.now_ms = world->now_ms;
	cr_assert_eq(incident_set(world->incidents, &command, "priority", priority, &why), 0, "%s",
		     why.text);
	return incident->number;
}

void ack(struct world *world, uint64_t number)
{
	cr_assert_eq(incident_ack(world->incidents, number, 0, "li", NULL, world->now_ms, NULL), 0);
}

int page(struct world *world, const char *person, uint64_t incident, bool is_important)
{
	const struct page page = {.person = person,
				  .incident = incident,
				  .event = "escalated",
				  .text = "please look",
				  .is_important = is_important,
				  .cause = "chain payments, step 1"};

	return paging_page(world->paging, &page, NULL);
}

void expect_sent(const struct world *world, uint32_t index, const char *output, const char *text)
{
	char *row;

	cr_assert_lt(index, world->sent_count, "only %u rows", world->sent_count);
	row = json_dumps(world->sent[index].row, JSON_COMPACT);
	cr_expect_str_eq(world->sent[index].output, output);
	cr_expect_not_null(strstr(row, text), "no \"%s\" in %s", text, row);
	free(row);
}

struct counting {
	const char *kind, *text;
	uint32_t count;
};

static void count_one(void *arg, struct slice json)
{
	struct counting *counting = arg;
	json_t *record = json_loadb(json.data, json.length, 0, NULL);
	const char *kind = json_string_value(json_object_get(record, "kind"));
	const char *text = json_string_value(json_object_get(record, "text"));

	counting->count += kind != NULL && strcmp(kind, counting->kind) == 0 && text != NULL &&
			   strstr(text, counting->text) != NULL;
	json_decref(record);
}

uint32_t count_facts(const struct world *world, uint64_t incident, const char *kind,
		     const char *text)
{
	struct counting counting = {kind, text, 0};

	cr_assert_eq(incident_each_timeline(world->incidents, incident, count_one, &counting, NULL),
		     0);
	return counting.count;
}
