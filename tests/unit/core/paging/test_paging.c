#include "paging_world.h"

#include "core/base/err.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"

#include <criterion/criterion.h>

#include <string.h>

static void be_quiet(struct world *world)
{
	struct oncall_person *wang = &world->people[0];

	wang->has_quiet = true;
	wang->quiet_days = 0x7F;
	wang->quiet_from_ms = 22 * HOUR_MS;
	wang->quiet_to_ms = 8 * HOUR_MS;
}

static void cap(struct config_caps *caps, uint32_t count, int64_t span_ms)
{
	caps->rates[caps->count++] = (struct rate){count, span_ms};
}

Test(paging, the_first_way_is_taken_and_told)
{
	struct world world;
	uint64_t number;

	open_world(&world);
	number = open_incident(&world, "P3");
	cr_expect_eq(page(&world, "wang", number, false), 0);
	cr_expect_eq(world.sent_count, 1);
	expect_sent(&world, 0, "voice", "\"recipient\":\"+8613800000000\"");
	expect_sent(&world, 0, "voice", "\"event\":\"escalated\"");
	expect_sent(&world, 0, "voice", "please look");
	cr_expect_eq(count_facts(&world, number, "page", "wang by voice (chain payments, step 1)"),
		     1);
	cr_expect_eq(paging_next_ms(world.paging), INT64_MAX);
	close_world(&world);
}

Test(paging, an_important_page_goes_by_all_ways)
{
	struct world world;

	open_world(&world);
	cr_expect_eq(page(&world, "wang", open_incident(&world, "P3"), true), 0);
	cr_assert_eq(world.sent_count, 2);
	expect_sent(&world, 0, "voice", "+8613800000000");
	expect_sent(&world, 1, "ops", "@wang");
	cr_expect_str_neq(world.sent[0].id, world.sent[1].id);
	close_world(&world);
}

Test(paging, nobody_and_people_without_a_way_are_refused)
{
	struct world world;
	uint64_t number;

	open_world(&world);
	number = open_incident(&world, "P3");
	cr_expect_eq(page(&world, "zhao", number, false), ERR_NOT_FOUND);
	world.people[1].reach_count = 0;
	cr_expect_eq(page(&world, "li", number, false), ERR_INVALID);
	cr_expect_eq(count_facts(&world, number, "page_unreached", "li: nothing says how"), 1);
	cr_expect_eq(world.sent_count, 0);
	close_world(&world);
}

Test(paging, pages_a_moment_later_are_one_message)
{
	struct world world;
	uint64_t numbers[4];

	open_world(&world);
	for (int i = 0; i < 4; i++) {
		numbers[i] = open_incident(&world, "P3");
		cr_expect_eq(page(&world, "wang", numbers[i], false), 0);
		world.now_ms += 1000;
	}
	cr_expect_eq(world.sent_count, 1);
	cr_expect_eq(count_facts(&world, numbers[1], "page_held", "a page went a moment ago"), 1);
	pass(&world, 60000);
	cr_assert_eq(world.sent_count, 2);
	expect_sent(&world, 1, "voice", "3 incidents need you");
	expect_sent(&world, 1, "voice", "#2 [P3] Slow payments: please look\\n#3 [P3]");
	close_world(&world);
}

Test(paging, one_incident_asked_for_twice_while_held_is_told_once)
{
	struct world world;
	uint64_t first, second;

	open_world(&world);
	first = open_incident(&world, "P3");
	second = open_incident(&world, "P3");
	page(&world, "wang", first, false);
	for (int i = 0; i < 5; i++)
		page(&world, "wang", second, false);
	cr_expect_eq(paging_held_of(world.paging, "wang"), 1);
	pass(&world, 60000);
	cr_assert_eq(world.sent_count, 2);
	expect_sent(&world, 1, "voice", "\"event\":\"escalated\"");
	close_world(&world);
}

Test(paging, urgent_pages_do_not_wait_for_a_bundle)
{
	struct world world;

	open_world(&world);
	page(&world, "wang", open_incident(&world, "P3"), false);
	page(&world, "wang", open_incident(&world, "P1"), false);
	cr_expect_eq(world.sent_count, 2);
	close_world(&world);
}

Test(paging, quiet_hours_hold_until_the_persons_morning)
{
	struct world world;
	uint64_t number;

	open_world(&world);
	be_quiet(&world);
	set_time(&world, "2026-11-22T15:00:00Z"); /* 23:00 in Shanghai */
	number = open_incident(&world, "P2");
	cr_expect_eq(page(&world, "wang", number, true), 0);
	cr_expect_eq(world.sent_count, 0);
	cr_expect_eq(count_facts(&world, number, "page_held",
				 "wang: quiet hours, held until 2026-11-23T00:00:00Z"),
		     1);
	pass(&world, 9 * HOUR_MS - 1);
	cr_expect_eq(world.sent_count, 0);
	pass(&world, 1);
	cr_expect_eq(world.sent_count, 2);
	close_world(&world);
}

Test(paging, a_plan_at_work_is_no_answer)
{
	struct world world;
	uint64_t number;

	open_world(&world);
	number = open_incident(&world, "P3");
	incident_run_started(world.incidents, number, "help", "help-1", world.now_ms);
	page(&world, "wang", number, false);
	cr_expect_eq(world.sent_count, 1);
	cr_expect_eq(count_facts(&world, number, "page_dropped", ""), 0);
	close_world(&world);
}

Test(paging, quiet_hours_end_with_an_acknowledgement)
{
	struct world world;
	uint64_t number;

	open_world(&world);
	be_quiet(&world);
	set_time(&world, "2026-11-22T15:00:00Z");
	number = open_incident(&world, "P3");
	page(&world, "wang", number, false);
	ack(&world, number);
	pass(&world, 12 * HOUR_MS);
	cr_expect_eq(world.sent_count, 0);
	cr_expect_eq(count_facts(&world, number, "page_dropped", "is ACKED by li"), 1);
	cr_expect_eq(paging_held_of(world.paging, "wang"), 0);
	close_world(&world);
}

Test(paging, what_becomes_p1_at_night_does_not_wait)
{
	struct world world;
	struct incident_command command = {.actor = "li", .reason = "worse"};
	uint64_t number;

	open_world(&world);
	be_quiet(&world);
	set_time(&world, "2026-11-22T15:00:00Z");
	cr_expect_eq(page(&world, "wang", open_incident(&world, "P1"), false), 0);
	cr_expect_eq(world.sent_count, 1, "P1 skips them");
	number = open_incident(&world, "P3");
	page(&world, "wang", number, false);
	pass(&world, HOUR_MS);
	cr_expect_eq(world.sent_count, 1);
	command.number = number;
	command.now_ms = world.now_ms;
	cr_assert_eq(incident_set(world.incidents, &command, "priority", "P1", NULL), 0);
	pass(&world, 0);
	cr_expect_eq(world.sent_count, 2);
	close_world(&world);
}

Test(paging, a_snoozed_incident_pages_when_the_snooze_ends)
{
	struct world world;
	struct incident_command command = {.actor = "li"};

	open_world(&world);
	command.number = open_incident(&world, "P3");
	command.now_ms = world.now_ms;
	cr_assert_eq(incident_snooze(world.incidents, &command, world.now_ms + HOUR_MS, NULL), 0);
	page(&world, "wang", command.number, false);
	pass(&world, HOUR_MS - 1);
	cr_expect_eq(world.sent_count, 0);
	pass(&world, 1);
	cr_expect_eq(world.sent_count, 1);
	close_world(&world);
}

Test(paging, a_full_way_gives_the_page_to_the_next)
{
	struct world world;
	uint64_t number;

	open_world(&world);
	world.caps.bundle_ms = 0;
	cap(&world.person[VOICE], 1, HOUR_MS);
	cap(&world.person[OPS], 1, HOUR_MS);
	page(&world, "wang", open_incident(&world, "P3"), false);
	cr_expect_eq(page(&world, "wang", open_incident(&world, "P3"), false), 0);
	cr_assert_eq(world.sent_count, 2);
	expect_sent(&world, 1, "ops", "@wang");
	number = open_incident(&world, "P1");
	cr_expect_eq(page(&world, "wang", number, true), ERR_FULL, "P1 does not skip caps");
	cr_expect_eq(count_facts(&world, number, "page_unreached",
				 "voice has had its 1 in 3600s; ops has had its 1 in 3600s, held "
				 "until 2026-11-22T07:00:00Z"),
		     1);
	pass(&world, HOUR_MS);
	cr_expect_eq(world.sent_count, 4, "by both, when both have room");
	close_world(&world);
}

Test(paging, caps_of_an_output_hold_for_all_people)
{
	struct world world;

	open_world(&world);
	world.caps.bundle_ms = 0;
	world.people[1].reach = world.wang_reach;
	world.people[1].reach_count = 1;
	cap(&world.output[VOICE], 1, HOUR_MS);
	cr_expect_eq(page(&world, "wang", open_incident(&world, "P3"), false), 0);
	cr_expect_eq(page(&world, "li", open_incident(&world, "P3"), false), ERR_FULL);
	close_world(&world);
}

Test(paging, a_part_of_the_cap_is_kept_for_p1_and_p2)
{
	struct world world;

	open_world(&world);
	world.caps.bundle_ms = 0;
	world.caps.reserve = 5;
	cap(&world.person[MAIL], 20, 24 * HOUR_MS);
	for (int i = 0; i < 15; i++)
		cr_expect_eq(page(&world, "li", open_incident(&world, "P3"), false), 0, "%d", i);
	cr_expect_eq(page(&world, "li", open_incident(&world, "P3"), false), ERR_FULL);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(page(&world, "li", open_incident(&world, i < 4 ? "P2" : "P1"), false),
			     0, "%d", i);
	cr_expect_eq(page(&world, "li", open_incident(&world, "P1"), false), ERR_FULL);
	cr_expect_eq(world.sent_count, 20);
	close_world(&world);
}

Test(paging, held_pages_and_used_caps_survive_a_restart)
{
	struct world world;

	open_world(&world);
	cap(&world.person[VOICE], 1, HOUR_MS);
	cap(&world.person[OPS], 1, HOUR_MS);
	page(&world, "wang", open_incident(&world, "P3"), true);
	cr_expect_eq(world.sent_count, 2);
	pass(&world, MINUTE_MS);
	cr_expect_eq(page(&world, "wang", open_incident(&world, "P3"), false), ERR_FULL);
	restart(&world);
	pass(&world, 58 * MINUTE_MS);
	cr_expect_eq(world.sent_count, 2);
	restart(&world);
	pass(&world, MINUTE_MS);
	cr_expect_eq(world.sent_count, 3);
	restart(&world);
	pass(&world, 24 * HOUR_MS);
	cr_expect_eq(world.sent_count, 3, "it is not sent again");
	close_world(&world);
}

Test(paging, a_clock_that_is_set_back_holds_no_longer_than_a_span)
{
	struct world world;

	open_world(&world);
	cap(&world.person[MAIL], 1, MINUTE_MS);
	page(&world, "li", open_incident(&world, "P3"), false);
	world.now_ms -= HOUR_MS;
	cr_expect_eq(page(&world, "li", open_incident(&world, "P1"), false), ERR_FULL);
	pass(&world, MINUTE_MS);
	cr_expect_eq(world.sent_count, 2);
	close_world(&world);
}

static struct slice body_of(const struct sent *sent, char **text)
{
	*text = json_dumps(sent->row, JSON_COMPACT);
	return slice_of(*text);
}

Test(paging, the_gate_asks_for_the_state_of_now)
{
	struct world world;
	char reason[256] = "", *text;
	struct slice body;
	uint64_t number;

	open_world(&world);
	number = open_incident(&world, "P3");
	page(&world, "wang", number, false);
	body = body_of(&world.sent[0], &text);
	cr_expect(paging_may_send(world.paging, world.sent[0].id, body, reason, sizeof(reason)));
	ack(&world, number);
	cr_expect_not(
		paging_may_send(world.paging, world.sent[0].id, body, reason, sizeof(reason)));
	cr_expect_str_eq(reason, "incident 1 is ACKED by li");
	cr_expect_eq(count_facts(&world, number, "page_dropped", "wang: incident 1 is ACKED"), 1);
	cr_expect(paging_may_send(world.paging, "rule-1", SLICE_LITERAL("{\"rule\":\"x\"}"), reason,
				  sizeof(reason)),
		  "what is no page is not its business");
	free(text);
	close_world(&world);
}

Test(paging, a_way_that_refuses_gives_the_page_to_the_next)
{
	struct world world;
	char *text;
	struct slice body;
	uint64_t number;

	open_world(&world);
	number = open_incident(&world, "P3");
	page(&world, "wang", number, false);
	body = body_of(&world.sent[0], &text);
	paging_on_sent(world.paging, "voice", world.sent[0].id, body, false, "no such number");
	free(text);
	cr_expect_eq(count_facts(&world, number, "page_failed", "wang by voice: no such number"),
		     1);
	cr_assert_eq(world.sent_count, 2);
	expect_sent(&world, 1, "ops", "@wang");
	body = body_of(&world.sent[1], &text);
	paging_on_sent(world.paging, "ops", world.sent[1].id, body, true, NULL);
	cr_expect_eq(count_facts(&world, number, "page_delivered", "wang by ops"), 1);
	cr_expect_eq(incident_find(world.incidents, number)->first_notified_ms, world.now_ms);
	paging_on_sent(world.paging, "ops", world.sent[1].id, body, false, "gone");
	cr_expect_eq(count_facts(&world, number, "page_unreached", "no way is left"), 1);
	free(text);
	close_world(&world);
}

Test(paging, a_storm_is_few_messages_and_p1_gets_through)
{
	struct world world;
	struct paging_usage usage;
	uint64_t number;

	open_world(&world);
	world.caps.reserve = 5;
	cap(&world.person[VOICE], 5, HOUR_MS);
	cap(&world.person[VOICE], 20, 24 * HOUR_MS);
	cap(&world.person[OPS], 60, HOUR_MS);
	for (int i = 0; i < 3000; i++) {
		page(&world, "wang", open_incident(&world, "P4"), false);
		pass(&world, 1000); /* 50 minutes in all */
	}
	/* One at once, then one each 30 s. */
	cr_expect_leq(world.sent_count, 3000 / 30 + 2);
	number = open_incident(&world, "P1");
	cr_expect_eq(page(&world, "wang", number, true), 0);
	expect_sent(&world, world.sent_count - 2, "voice", "\"priority\":\"P1\"");
	cr_expect_eq(count_facts(&world, number, "page", "wang by voice, ops"), 1);
	paging_usage(world.paging, &usage);
	cr_expect_eq(usage.pages, 3001);
	cr_expect_eq(usage.refused, 0);
	close_world(&world);
}

Test(paging, ten_thousand_incidents_at_once_are_two_messages)
{
	enum { OUTBOX_BYTES_MAX = 1024 * 1024 };
	struct world world;
	struct paging_usage usage;
	char *row;

	open_world(&world);
	for (int i = 0; i < PAGES_HELD_MAX; i++)
		cr_assert_eq(page(&world, "wang", open_incident(&world, "P3"), false), 0);
	cr_expect_eq(world.sent_count, 1);
	pass(&world, 30000);
	cr_assert_eq(world.sent_count, 2);
	expect_sent(&world, 1, "voice", "9999 incidents need you");
	expect_sent(&world, 1, "voice", "\\n+ 9979\"");
	row = json_dumps(world.sent[1].row, JSON_COMPACT);
	cr_expect_lt(strlen(row), OUTBOX_BYTES_MAX, "%zu bytes", strlen(row));
	free(row);
	paging_usage(world.paging, &usage);
	cr_expect_eq(usage.bundled, 9998);
	cr_expect_eq(usage.held, 0);
	close_world(&world);
}

Test(paging, a_text_is_cut_between_letters_and_its_first_line_is_a_title)
{
	struct world world;
	char text[PAGE_TEXT_BYTES_MAX + 64];
	struct page page = {.person = "li", .event = "notice", .text = text};

	open_world(&world);
	world.caps.bundle_ms = 0;
	memset(text, 'x', sizeof(text));
	memcpy(text + PAGE_TEXT_BYTES_MAX - 1, "\xe4\xba\x8b", 4);
	cr_expect_eq(paging_page(world.paging, &page, NULL), 0);
	cr_expect_eq(json_string_length(json_object_get(world.sent[0].row, "title")),
		     PAGE_TEXT_BYTES_MAX - 1);
	cr_expect_null(json_object_get(world.sent[0].row, "text"));
	page.text = "first\nsecond\nthird";
	cr_expect_eq(paging_page(world.paging, &page, NULL), 0);
	expect_sent(&world, 1, "mail", "\"title\":\"first\",\"text\":\"second\\nthird\"");
	page.text = NULL;
	cr_expect_eq(paging_page(world.paging, &page, NULL), ERR_INVALID);
	close_world(&world);
}
