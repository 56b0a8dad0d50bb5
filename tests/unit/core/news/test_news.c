#include "core/news/news_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Incidents in a store in memory, a virtual clock; what is put is kept. */

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, ROWS_MAX = 64 };

struct row {
	char output[16], id[64], event[16], title[64], text[256];
	void (*on_sent)(void *arg, bool is_delivered, const char *error);
	void *arg;
};

struct world {
	struct loop *loop;
	struct kv *kv;
	struct commit *commit;
	struct incident_store *incidents;
	struct news *news;
	struct row rows[ROWS_MAX];
	uint32_t count;
	uint64_t told;
	struct news_output outputs[NEWS_OUTPUTS_MAX];
	struct news_settings settings;
};

static void copy_text(char *out, size_t size, const json_t *text)
{
	snprintf(out, size, "%s", json_is_string(text) ? json_string_value(text) : "");
}

static int on_put(void *arg, const char *output, const char *id, struct slice body,
		  void (*on_sent)(void *sent_arg, bool is_delivered, const char *error),
		  void *sent_arg, struct err_note *why)
{
	struct world *world = arg;
	json_t *row = json_loadb(body.data, body.length, 0, NULL);
	struct row *out = &world->rows[world->count++];

	(void)why;
	cr_assert(row != NULL && world->count < ROWS_MAX);
	cr_expect(json_is_object(json_object_get(row, "incident")));
	snprintf(out->output, sizeof(out->output), "%s", output);
	snprintf(out->id, sizeof(out->id), "%s", id);
	copy_text(out->event, sizeof(out->event), json_object_get(row, "event"));
	copy_text(out->title, sizeof(out->title), json_object_get(row, "title"));
	copy_text(out->text, sizeof(out->text), json_object_get(row, "text"));
	out->on_sent = on_sent;
	out->arg = sent_arg;
	json_decref(row);
	return 0;
}

static void on_told(void *arg, uint64_t incident)
{
	struct world *world = arg;

	world->told = incident;
}

static void on_event(void *arg, const struct incident *incident, const char *event)
{
	struct world *world = arg;

	if (world->news != NULL)
		news_on_incident(world->news, incident, event);
}

static void start(struct world *world)
{
	struct commit_options commit = {0};
	struct incident_options incidents = {.on_event = on_event, .arg = world, .kv = world->kv};
	struct news_options news = {.kv = world->kv,
				    .loop = world->loop,
				    .on_put = on_put,
				    .on_told = on_told,
				    .arg = world};
	struct err_note why = {""};

	cr_assert_eq(commit_new(&world->commit, world->kv, &commit, &why), 0);
	incidents.commit = world->commit;
	cr_assert_eq(incident_store_new(&world->incidents, &incidents, &why), 0, "%s", why.text);
	news.commit = world->commit;
	news.incidents = world->incidents;
	cr_assert_eq(news_new(&world->news, &news, &why), 0, "%s", why.text);
	news_configure(world->news, &world->settings);
}

static void stop(struct world *world)
{
	news_free(world->news);
	world->news = NULL;
	commit_free(world->commit);
	incident_store_free(world->incidents);
}

static void restart(struct world *world)
{
	commit_kick(world->commit);
	stop(world);
	start(world);
}

static void begin(struct world *world, enum news_kind kind, uint32_t limit_count)
{
	*world = (struct world){.loop = loop_virtual_new(1767225600000), .kv = kv_memory_new()};
	world->outputs[0] = (struct news_output){"team", kind, false};
	world->settings = (struct news_settings){
		.outputs = world->outputs,
		.output_count = 1,
		.limit_count = limit_count,
		.limit_ms = 10 * MINUTE_MS,
	};
	start(world);
}

static void end(struct world *world)
{
	stop(world);
	kv_free(world->kv);
	loop_free(world->loop);
}

static void fire(struct world *world, const char *rule)
{
	struct alert alert = {.rule = rule,
			      .title = "Slow payments",
			      .state = ALERT_FIRING,
			      .severity = "warning",
			      .message = "too slow",
			      .labels_json = "{}"};
	char *key = incident_key(&alert, NULL, 0, false);

	incident_on_alert(world->incidents, &alert, key, loop_wall_ms(world->loop));
	mem_free(key);
}

static void move(struct world *world, enum incident_move move)
{
	struct err_note why = {""};
	const struct incident_command command = {
		.number = 1, .actor = "wang", .reason = "so", .now_ms = loop_wall_ms(world->loop)};

	cr_assert_eq(incident_do(world->incidents, move, &command, &why), 0, "%s", why.text);
}

static void turn(struct world *world)
{
	loop_virtual_turn(world->loop);
}

static void deliver(struct world *world, uint32_t row)
{
	world->rows[row].on_sent(world->rows[row].arg, true, NULL);
}

static bool gate(struct world *world, uint32_t row, char reason[NEWS_REASON_BYTES])
{
	return news_may_send(world->news, world->rows[row].output, world->rows[row].id, reason);
}

Test(news, an_event_is_one_message_for_each_output)
{
	struct world world;

	begin(&world, NEWS_LIMITED, 5);
	world.outputs[1] = (struct news_output){"other", NEWS_MACHINE, true};
	world.settings.output_count = 2;
	news_configure(world.news, &world.settings);
	fire(&world, "slow");
	turn(&world);
	cr_assert_eq(world.count, 2);
	cr_expect_str_eq(world.rows[0].output, "team");
	cr_expect_str_eq(world.rows[0].id, "news-1-1");
	cr_expect_str_eq(world.rows[0].event, "opened");
	cr_expect_str_eq(world.rows[0].text, "too slow");
	cr_expect_str_eq(world.rows[1].output, "other");
	deliver(&world, 0);
	cr_expect_eq(world.told, 1);
	end(&world);
}

Test(news, what_happens_in_one_turn_is_one_message_that_says_all_of_it)
{
	struct world world;

	begin(&world, NEWS_LIMITED, 5);
	fire(&world, "slow");
	move(&world, INCIDENT_MOVE_ACK);
	turn(&world);
	cr_assert_eq(world.count, 1);
	cr_expect_str_eq(world.rows[0].event, "acked");
	cr_expect_str_eq(world.rows[0].text, "too slow\n00:00 acknowledged: wang\n00:00 opened");
	end(&world);
}

Test(news, above_the_limit_events_wait_and_are_one_message)
{
	struct world world;

	begin(&world, NEWS_LIMITED, 2);
	fire(&world, "slow");
	turn(&world);
	deliver(&world, 0);
	loop_virtual_advance(world.loop, MINUTE_MS);
	move(&world, INCIDENT_MOVE_ACK);
	turn(&world);
	deliver(&world, 1);
	for (int i = 0; i < 3; i++) {
		loop_virtual_advance(world.loop, MINUTE_MS);
		move(&world, INCIDENT_MOVE_UNACK);
		move(&world, INCIDENT_MOVE_ACK);
		turn(&world);
	}
	cr_assert_eq(world.count, 2);
	/* The first one was at minute 0. */
	loop_virtual_advance(world.loop, 6 * MINUTE_MS - 1);
	cr_expect_eq(world.count, 2);
	loop_virtual_advance(world.loop, 1);
	cr_assert_eq(world.count, 3);
	cr_expect_str_eq(world.rows[2].event, "acked");
	cr_expect_str_eq(world.rows[2].text,
			 "too slow\n00:04 acknowledged: wang\n00:04 given back\n"
			 "00:03 acknowledged: wang\n00:03 given back\n"
			 "00:02 acknowledged: wang\n00:02 given back");
	end(&world);
}

Test(news, an_edited_message_has_no_limit_and_keeps_its_past)
{
	struct world world;

	begin(&world, NEWS_EDITED, 1);
	fire(&world, "slow");
	turn(&world);
	move(&world, INCIDENT_MOVE_ACK);
	turn(&world);
	cr_assert_eq(world.count, 2);
	cr_expect_str_eq(world.rows[1].text, "too slow\n00:00 acknowledged: wang\n00:00 opened");
	end(&world);
}

Test(news, only_an_edited_message_follows_what_is_quiet)
{
	struct world world;
	struct err_note why = {""};
	struct incident_command command = {.number = 1, .actor = "wang"};

	begin(&world, NEWS_LIMITED, 5);
	world.outputs[1] = (struct news_output){"edited", NEWS_EDITED, false};
	world.settings.output_count = 2;
	news_configure(world.news, &world.settings);
	fire(&world, "slow");
	turn(&world);
	command.now_ms = loop_wall_ms(world.loop);
	cr_assert_eq(incident_set(world.incidents, &command, "owner", "li", &why), 0);
	turn(&world);
	cr_assert_eq(world.count, 3);
	cr_expect_str_eq(world.rows[2].output, "edited");
	cr_expect_str_eq(world.rows[2].event, "opened");
	end(&world);
}

Test(news, a_message_that_newer_news_follows_is_dropped_and_the_next_says_what_it_said)
{
	struct world world;
	char reason[NEWS_REASON_BYTES] = "";

	begin(&world, NEWS_LIMITED, 1);
	fire(&world, "slow");
	turn(&world);
	move(&world, INCIDENT_MOVE_ACK);
	turn(&world);
	cr_assert_eq(world.count, 1, "the limit holds it back");
	cr_expect_not(gate(&world, 0, reason));
	cr_expect_str_eq(reason, "there is newer news of incident 1");
	world.rows[0].on_sent(world.rows[0].arg, false, reason);
	turn(&world);
	cr_assert_eq(world.count, 2, "it was not sent, so it does not count");
	cr_expect_str_eq(world.rows[1].text, "too slow\n00:00 acknowledged: wang\n00:00 opened");
	cr_expect(gate(&world, 1, reason));
	cr_expect(news_may_send(world.news, "team", "some-other-row", reason));
	cr_expect(news_may_send(world.news, "team", "news-99-1", reason));
	end(&world);
}

Test(news, a_machine_gets_every_message)
{
	struct world world;
	char reason[NEWS_REASON_BYTES];

	begin(&world, NEWS_MACHINE, 1);
	fire(&world, "slow");
	turn(&world);
	move(&world, INCIDENT_MOVE_ACK);
	turn(&world);
	cr_assert_eq(world.count, 2);
	cr_expect(gate(&world, 0, reason));
	cr_expect_str_eq(world.rows[1].text, "too slow\n00:00 acknowledged: wang");
	end(&world);
}

Test(news, what_waits_survives_a_restart_and_what_was_told_is_not_told_again)
{
	struct world world;

	begin(&world, NEWS_LIMITED, 1);
	fire(&world, "slow");
	turn(&world);
	deliver(&world, 0);
	move(&world, INCIDENT_MOVE_ACK);
	restart(&world);
	turn(&world);
	cr_expect_eq(world.count, 1);
	loop_virtual_advance(world.loop, 10 * MINUTE_MS);
	cr_assert_eq(world.count, 2);
	cr_expect_str_eq(world.rows[1].text, "too slow\n00:00 acknowledged: wang");
	restart(&world);
	loop_virtual_advance(world.loop, 60 * MINUTE_MS);
	cr_expect_eq(world.count, 2);
	end(&world);
}

Test(news, a_kill_before_the_turn_ended_loses_nothing)
{
	struct world world;

	begin(&world, NEWS_LIMITED, 5);
	fire(&world, "slow");
	restart(&world); /* without a turn */
	turn(&world);
	cr_expect_eq(world.count, 1);
	end(&world);
}

Test(news, during_a_snooze_people_are_not_called)
{
	struct world world;
	struct err_note why = {""};
	struct incident_command command = {.number = 1, .actor = "wang"};

	begin(&world, NEWS_LIMITED, 5);
	fire(&world, "slow");
	turn(&world);
	command.now_ms = loop_wall_ms(world.loop);
	cr_assert_eq(incident_snooze(world.incidents, &command, command.now_ms + MINUTE_MS, &why),
		     0);
	cr_assert_eq(incident_set(world.incidents, &command, "priority", "P1", &why), 0);
	turn(&world);
	cr_expect_eq(world.count, 1);
	move(&world, INCIDENT_MOVE_RESOLVE);
	turn(&world);
	cr_expect_eq(world.count, 2);
	end(&world);
}

Test(news, after_the_end_an_incident_is_forgotten)
{
	struct world world;

	begin(&world, NEWS_LIMITED, 5);
	fire(&world, "slow");
	move(&world, INCIDENT_MOVE_CANCEL);
	turn(&world);
	cr_assert_eq(world.count, 1);
	cr_expect_eq(world.news->items.count, 1, "its message is on its way");
	deliver(&world, 0);
	cr_expect_eq(world.news->items.count, 0);
	restart(&world);
	cr_expect_eq(world.news->items.count, 0);
	end(&world);
}

Test(news, an_output_that_is_gone_is_told_nothing_and_a_new_one_takes_its_place)
{
	struct world world;

	begin(&world, NEWS_LIMITED, 1);
	fire(&world, "slow");
	turn(&world);
	move(&world, INCIDENT_MOVE_ACK);
	turn(&world);
	for (int i = 0; i < 2 * NEWS_OUTPUTS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "out%d", i);
		world.outputs[0].name = name;
		news_configure(world.news, &world.settings);
		move(&world, i % 2 == 0 ? INCIDENT_MOVE_UNACK : INCIDENT_MOVE_ACK);
		turn(&world);
	}
	cr_expect_eq(world.count, 1 + 2 * NEWS_OUTPUTS_MAX);
	loop_virtual_advance(world.loop, 60 * MINUTE_MS);
	cr_expect_eq(world.count, 1 + 2 * NEWS_OUTPUTS_MAX);
	end(&world);
}

Test(news, a_drill_is_called_one)
{
	struct world world;
	struct err_note why = {""};
	struct incident_command command = {.number = 1, .actor = "wang"};

	begin(&world, NEWS_LIMITED, 5);
	fire(&world, "slow");
	command.now_ms = loop_wall_ms(world.loop);
	cr_assert_eq(incident_set(world.incidents, &command, "drill", "yes", &why), 0);
	turn(&world);
	cr_assert_eq(world.count, 1);
	cr_expect_str_eq(world.rows[0].title, "[drill] Slow payments");
	end(&world);
}
