#include "handling_world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/timestamp.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct shelf {
	struct kv *kv;
	struct commit *commit;
	struct silences *silences;
	struct err_note why;
};

static void start(struct shelf *shelf)
{
	struct commit_options options = {0};

	cr_assert_eq(commit_new(&shelf->commit, shelf->kv, &options, &shelf->why), 0);
	cr_assert_eq(silences_new(&shelf->silences, shelf->kv, shelf->commit, &shelf->why), 0, "%s",
		     shelf->why.text);
}

static void stop(struct shelf *shelf)
{
	commit_kick(shelf->commit);
	commit_free(shelf->commit);
	silences_free(shelf->silences);
}

static void open_shelf(struct shelf *shelf)
{
	*shelf = (struct shelf){.kv = kv_memory_new()};
	start(shelf);
}

static void close_shelf(struct shelf *shelf)
{
	stop(shelf);
	kv_free(shelf->kv);
}

static struct silence_request request_of(const char *match_json, int64_t start_ms, int64_t end_ms)
{
	return (struct silence_request){.match_json = match_json,
					.zone = "UTC",
					.author = "ann",
					.reason = "why not",
					.start_ms = start_ms,
					.end_ms = end_ms};
}

static int add(struct shelf *shelf, const struct silence_request *request, int64_t now_ms)
{
	const struct silence *silence = NULL;

	return silences_add(shelf->silences, request, now_ms, &silence, &shelf->why);
}

static int64_t at(const char *text)
{
	int64_t ms = 0;

	cr_assert_eq(timestamp_parse(slice_of(text), &ms), 0);
	return ms;
}

Test(silence, holds_from_its_start_to_before_its_end)
{
	struct shelf shelf;
	open_shelf(&shelf);
	struct silence_request request = request_of("{\"rule\":\"a\"}", 2000, 3000);
	cr_assert_eq(add(&shelf, &request, 1000), 0);
	const struct silence *silence = silences_find(shelf.silences, 1);
	cr_expect_str_eq(silence_state(silence, 1999), "pending");
	cr_expect_not(silence_holds(silence, 1999));
	cr_expect(silence_holds(silence, 2000));
	cr_expect_str_eq(silence_state(silence, 2999), "active");
	cr_expect_not(silence_holds(silence, 3000));
	cr_expect_str_eq(silence_state(silence, 3000), "ended");
	cr_expect_eq(silence_look_again_ms(silence, 2000), 3000);
	close_shelf(&shelf);
}

Test(silence, the_hours_of_a_recurring_one_follow_the_clock_of_its_zone)
{
	struct shelf shelf;
	open_shelf(&shelf);
	/* Sunday 02:00 to 04:00 in Berlin: 01:00Z to 03:00Z in winter, 00:00Z to 02:00Z in summer;
	 * on 2027-03-28 the clock goes from 02:00 to 03:00 at 01:00Z. */
	struct silence_request request = request_of("{\"rule\":\"a\"}", at("2027-01-01T00:00:00Z"),
						    at("2027-12-31T00:00:00Z"));
	request.when_json = "[{\"days\":\"sun\",\"from\":\"02:00\",\"to\":\"04:00\"}]";
	request.zone = "Europe/Berlin";
	cr_assert_eq(add(&shelf, &request, request.start_ms), 0, "%s", shelf.why.text);
	stop(&shelf);
	start(&shelf);
	const struct silence *silence = silences_find(shelf.silences, 1);
	static const struct {
		const char *time;
		const char *state;
	} rows[] = {
		{"2027-01-03T00:59:59Z", "waiting"}, {"2027-01-03T01:00:00Z", "active"},
		{"2027-01-03T02:59:59Z", "active"},  {"2027-01-03T03:00:00Z", "waiting"},
		{"2027-01-04T01:00:00Z", "waiting"}, {"2027-07-04T00:00:00Z", "active"},
		{"2027-07-04T02:00:00Z", "waiting"}, {"2027-03-28T00:59:59Z", "waiting"},
		{"2027-03-28T01:30:00Z", "active"},  {"2027-03-28T02:00:00Z", "waiting"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(silence_state(silence, at(rows[i].time)), rows[i].state, "%s",
				 rows[i].time);
	cr_expect_eq(silence_look_again_ms(silence, at("2027-01-03T01:00:30Z")),
		     at("2027-01-03T01:01:00Z"));
	close_shelf(&shelf);
}

Test(silence, what_is_wrong_is_refused_with_a_sentence)
{
	static const struct {
		const char *match, *when, *reason;
		int64_t start_ms, end_ms;
		const char *words;
	} rows[] = {
		{"{}", NULL, "r", 1000, 2000, "the match is empty"},
		{"[1]", NULL, "r", 1000, 2000, "match must be a table"},
		{"{", NULL, "r", 1000, 2000, "it is not JSON"},
		{"{\"rule\":{\"regex\":\"(\"}}", NULL, "r", 1000, 2000, "the regex is wrong"},
		{"{\"labels\":{}}", NULL, "r", 1000, 2000, "the match is empty"},
		{"{\"rule\":\"a\"}", "[{\"from\":\"25:00\"}]", "r", 1000, 2000, "from"},
		{"{\"rule\":\"a\"}", NULL, "", 1000, 2000, "needs a reason"},
		{"{\"rule\":\"a\"}", NULL, "r", 1000, 1000, "must end after its start"},
		{"{\"rule\":\"a\"}", NULL, "r", 0, 999, "must end after its start"},
		{"{\"rule\":\"a\"}", NULL, "r", 1000, 1001 + SILENCE_SPAN_MS_MAX, "366 days"},
	};
	struct shelf shelf;
	open_shelf(&shelf);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct silence_request request =
			request_of(rows[i].match, rows[i].start_ms, rows[i].end_ms);
		request.when_json = rows[i].when;
		request.reason = rows[i].reason;
		cr_expect_eq(add(&shelf, &request, 1000), ERR_INVALID, "%s", rows[i].words);
		cr_expect(strstr(shelf.why.text, rows[i].words) != NULL, "%s: %s", rows[i].words,
			  shelf.why.text);
	}
	cr_expect(silences_find(shelf.silences, 1) == NULL, "none of them is there");
	struct silence_request longest =
		request_of("{\"rule\":\"a\"}", 1000, 1000 + SILENCE_SPAN_MS_MAX);
	cr_expect_eq(add(&shelf, &longest, 1000), 0);
	close_shelf(&shelf);
}

/** `begin`, so many times x, and `end`. */
static char *fill(const char *begin, size_t count, const char *end)
{
	struct bytes text = BYTES_EMPTY;

	bytes_append_text(&text, begin);
	for (size_t i = 0; i < count; i++)
		bytes_append_char(&text, 'x');
	bytes_append_text(&text, end);
	return text.data;
}

Test(silence, texts_have_limits)
{
	static const char rule[] = "{\"rule\":[\"", match_end[] = "\"]}";
	static const char hours[] = "[{\"days\":\"sun\"", hours_end[] = "}]";
	struct shelf shelf;
	struct silence_request request = request_of("{\"rule\":\"a\"}", 1000, 2000);
	char *reason = fill("", SILENCE_TEXT_BYTES_MAX + 1, "");
	char *match = fill(rule, SILENCE_MATCH_BYTES_MAX - strlen(rule) - strlen(match_end) + 1,
			   match_end);
	char *when = mem_copy_text(hours);

	open_shelf(&shelf);
	request.reason = reason;
	cr_expect_eq(add(&shelf, &request, 1000), ERR_INVALID);
	cr_expect_str_eq(shelf.why.text, "the reason has more than 1024 bytes");
	request.reason = reason + 1;
	cr_expect_eq(add(&shelf, &request, 1000), 0, "%s", shelf.why.text);
	request.author = reason;
	cr_expect_eq(add(&shelf, &request, 1000), ERR_INVALID);
	cr_expect_str_eq(shelf.why.text, "the author has more than 1024 bytes");
	request.author = "ann";
	request.match_json = match;
	cr_expect_eq(add(&shelf, &request, 1000), ERR_INVALID);
	cr_expect_str_eq(shelf.why.text, "the match has more than 32768 bytes");
	request.match_json = "{\"rule\":\"a\"}";
	when = mem_grow(when, SILENCE_MATCH_BYTES_MAX + 2, 1);
	memset(when + strlen(hours), ' ', SILENCE_MATCH_BYTES_MAX + 2 - strlen(hours));
	memcpy(when + SILENCE_MATCH_BYTES_MAX + 1 - strlen(hours_end), hours_end,
	       sizeof(hours_end));
	request.when_json = when;
	cr_expect_eq(add(&shelf, &request, 1000), ERR_INVALID);
	cr_expect_str_eq(shelf.why.text, "the hours have more than 32768 bytes");
	memmove(when + strlen(hours), when + strlen(hours) + 1,
		SILENCE_MATCH_BYTES_MAX + 1 - strlen(hours));
	cr_expect_eq(add(&shelf, &request, 1000), 0, "%s", shelf.why.text);
	mem_free(reason);
	mem_free(match);
	mem_free(when);
	close_shelf(&shelf);
}

Test(silence, one_that_is_expired_stays_so_and_says_by_whom)
{
	struct shelf shelf;
	struct bytes json = BYTES_EMPTY;
	open_shelf(&shelf);
	struct silence_request request = request_of("{\"rule\":\"a\"}", 5000, 9000);
	cr_assert_eq(add(&shelf, &request, 1000), 0);
	cr_expect_eq(silences_expire(shelf.silences, 2, "bob", "done", 2000, &shelf.why),
		     ERR_NOT_FOUND);
	cr_expect_str_eq(shelf.why.text, "there is no silence 2");
	cr_expect_eq(silences_expire(shelf.silences, 1, "bob", "done", 2000, &shelf.why), 0);
	cr_expect_eq(silences_expire(shelf.silences, 1, "eve", "again", 2000, &shelf.why),
		     ERR_CONFLICT);
	cr_expect_str_eq(shelf.why.text, "silence 1 has ended already");
	stop(&shelf);
	start(&shelf);
	silence_append_json(silences_find(shelf.silences, 1), &json);
	cr_expect_str_eq(json.data, "{\"number\":1,\"match\":{\"rule\":\"a\"},\"zone\":\"UTC\","
				    "\"author\":\"ann\",\"reason\":\"why not\",\"created_ms\":1000,"
				    "\"start_ms\":2000,\"end_ms\":2000,\"ended_by\":\"bob\","
				    "\"ended_reason\":\"done\"}");
	bytes_deinit(&json);
	close_shelf(&shelf);
}

Test(silence, old_ones_are_forgotten_but_no_number_is_given_twice)
{
	struct shelf shelf;
	open_shelf(&shelf);
	struct silence_request request = request_of("{\"rule\":\"a\"}", 1000, 2000);
	cr_assert_eq(add(&shelf, &request, 1000), 0);
	cr_assert_eq(add(&shelf, &request, 1000), 0);
	silences_trim(shelf.silences, 1999 + SILENCE_KEPT_MS);
	cr_expect(silences_find(shelf.silences, 1) != NULL);
	silences_trim(shelf.silences, 2000 + SILENCE_KEPT_MS);
	cr_expect(silences_find(shelf.silences, 1) == NULL);
	stop(&shelf);
	start(&shelf);
	cr_expect(silences_find(shelf.silences, 1) == NULL);
	request.end_ms = 1000 + DAY;
	cr_assert_eq(add(&shelf, &request, 1000), 0);
	cr_expect(silences_find(shelf.silences, 3) != NULL);
	close_shelf(&shelf);
}

Test(silence, a_thousand_may_wait_and_one_more_is_refused_and_counted)
{
	struct shelf shelf;
	struct silences_usage usage;
	open_shelf(&shelf);
	struct silence_request request = request_of("{\"rule\":\"a\"}", 1000, 2000);
	for (int i = 0; i < SILENCES_MAX; i++)
		cr_assert_eq(add(&shelf, &request, 1000), 0);
	cr_expect_eq(add(&shelf, &request, 1000), ERR_FULL);
	cr_expect_str_eq(shelf.why.text, "there are 1000 silences that have not ended, and no more "
					 "are possible: end one that is not needed");
	silences_usage(shelf.silences, 1500, &usage);
	cr_expect_eq(usage.refused_count, 1);
	cr_expect_eq(usage.active_count, SILENCES_MAX);
	request.end_ms = 5000;
	cr_expect_eq(add(&shelf, &request, 2000), 0); /* the others have ended */
	close_shelf(&shelf);
}

Test(silence, a_recurring_one_lets_go_at_the_end_of_its_hours_and_holds_again)
{
	struct world world;
	world_open(&world, ""); /* 2027-01-15T08:00:00Z */
	struct silence_request request =
		request_of("{\"rule\":\"slow\"}", world.now_ms, world.now_ms + 10 * DAY);
	const struct silence *silence = NULL;
	request.when_json = "[{\"from\":\"08:00\",\"to\":\"08:30\"}]";
	cr_assert_eq(silences_add(handling_silences(world.handling), &request, world.now_ms,
				  &silence, NULL),
		     0);
	world_fire(&world, "slow", "m1");
	for (int minute = 1; minute < 30; minute++)
		world_pass(&world, MINUTE);
	world_expect(&world, "");
	cr_expect_eq(handling_next_ms(world.handling), world.now_ms + MINUTE);
	world_pass(&world, MINUTE);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_pass(&world, DAY - 30 * MINUTE);
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_fire(&world, "slow", "m2");
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 resolved warning; ");
	world_close(&world);
}
