#include "core/judge/key_state.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/bytes.h"
#include "core/rule/rule.h"

enum { S = 1000, EVERY = 5 * S, WINDOW = 20 * S };

/* A story is a text, a character for each boundary (every 5 s, the first at 5 s):
 *     y holds   n does not   - between fire and clear   u unjudged   . no readings   m muted
 *     W C: warning holds, and critical too (two levels)
 * and what is told, one for each: F fires, R resolves, N no data, space nothing. */

struct world {
	struct rule rule;
	struct key_state state;
	int64_t boundary_ms, muted_ms;
	bool is_expected;
	struct key_tell told; /**< the last */
};

static void begin(struct world *world)
{
	*world = (struct world){.state = KEY_STATE_NEW, .muted_ms = KEY_TIME_NONE};
	world->rule = (struct rule){
		.level_count = 1,
		.window_ms = WINDOW,
		.by_count = 1,
		.no_data_after_ms = WINDOW,
		.key_idle_ms = 3600 * S,
	};
	world->rule.levels[0].severity = "warning";
	world->rule.levels[1].severity = "critical";
}

static struct judgement judgement_of(char what, enum rule_no_data no_data)
{
	struct judgement judgement = {.has_readings = what != '.', .is_muted = what == 'm'};
	int first = what == 'y' || what == 'W' || what == 'C' ? TRUTH_YES
		    : what == 'u' || what == '.'              ? TRUTH_UNKNOWN
							      : TRUTH_NO;
	int second = what == 'C'                  ? TRUTH_YES
		     : what == 'u' || what == '.' ? TRUTH_UNKNOWN
						  : TRUTH_NO;

	if (what == '.' && no_data == RULE_NO_DATA_OK)
		first = second = TRUTH_NO;
	judgement.holds[0] = (uint8_t)first;
	judgement.holds[1] = (uint8_t)second;
	judgement.is_over[0] = (uint8_t)(what == '-' ? TRUTH_NO : TRUTH_YES - first);
	judgement.is_over[1] = (uint8_t)(what == '-' ? TRUTH_NO : TRUTH_YES - second);
	return judgement;
}

static char step(struct world *world, char what)
{
	struct judgement judgement = judgement_of(what, world->rule.no_data);
	struct key_step at = {.judgement = &judgement, .is_expected = world->is_expected};
	struct key_tell tell;

	world->boundary_ms += EVERY;
	if (what == 'm')
		world->muted_ms = world->boundary_ms;
	at.boundary_ms = world->boundary_ms;
	at.window_start_ms = world->boundary_ms - WINDOW;
	at.watched_ms = world->muted_ms;
	if (!key_state_step(&world->state, &world->rule, &at, &tell))
		return ' ';
	world->told = tell;
	return "RFN"[tell.kind];
}

static void tell_story(struct world *world, const char *story, const char *expected, int line)
{
	char got[256] = "";

	for (size_t i = 0; story[i] != '\0'; i++)
		got[i] = step(world, story[i]);
	cr_expect_str_eq(got, expected, "line %d: \"%s\" gives\n\"%s\", not\n\"%s\"", line, story,
			 got, expected);
}
#define STORY(world, story, expected) tell_story((world), (story), (expected), __LINE__)

Test(key_state, fires_and_resolves_at_once_without_options)
{
	struct world world;

	begin(&world);
	STORY(&world, "nyynnyu.n", " F R F  R");
	cr_expect_not(key_state_is_needed(&world.state, &world.rule, world.boundary_ms));
}

Test(key_state, hold_must_last_and_an_unjudged_boundary_does_not_break_it)
{
	struct world world;

	begin(&world);
	world.rule.levels[0].hold_ms = 10 * S;
	STORY(&world, "yynyyyn", "     FR");
	STORY(&world, "yuyn", "  FR");
	STORY(&world, "yuuuyn", "    FR");
	step(&world, 'y');
	cr_expect_eq(key_state_stage(&world.state, &world.rule), KEY_STAGE_PENDING);
	cr_expect_eq(world.state.next_ms, world.boundary_ms + 10 * S);
}

Test(key_state, between_fire_and_clear_it_goes_on)
{
	struct world world;

	begin(&world);
	STORY(&world, "-y--n-y", " F  R F");
}

Test(key_state, clear_hold_must_last_without_a_break)
{
	struct world world;

	begin(&world);
	world.rule.levels[0].clear_hold_ms = 10 * S;
	STORY(&world, "ynnynnnny", "F     R F");
	STORY(&world, "nn-nnn", "     R");
	begin(&world);
	world.rule.levels[0].clear_hold_ms = 10 * S;
	STORY(&world, "yn", "F ");
	cr_expect_eq(key_state_stage(&world.state, &world.rule), KEY_STAGE_CLEARING);
	cr_expect_eq(world.state.next_ms, world.boundary_ms + 10 * S);
}

Test(key_state, severity_moves_with_the_worst_level)
{
	struct world world;

	begin(&world);
	world.rule.level_count = 2;
	STORY(&world, "W", "F");
	cr_expect_eq(world.told.level, 0);
	STORY(&world, "WC", " F");
	cr_expect_eq(world.told.level, 1);
	STORY(&world, "CW", " F");
	cr_expect_eq(world.told.level, 0);
	STORY(&world, "Cn", "FR");
	cr_expect_eq(world.told.level, 1, "it resolves with what it was");
}

Test(key_state, a_level_under_one_that_is_on_does_not_wait)
{
	struct world world;

	begin(&world);
	world.rule.level_count = 2;
	world.rule.levels[0].hold_ms = 3600 * S;
	STORY(&world, "WCW", " FF");
	cr_expect_eq(world.told.level, 0);
}

Test(key_state, each_level_waits_for_itself)
{
	struct world world;

	begin(&world);
	world.rule.level_count = 2;
	world.rule.levels[1].hold_ms = 10 * S;
	world.rule.levels[1].clear_hold_ms = 5 * S;
	STORY(&world, "CCCWWn", "F F FR");
	cr_expect_eq(world.told.level, 0);
}

Test(key_state, silence_is_told_once_and_ends_with_data)
{
	struct world world;

	begin(&world);
	world.rule.no_data = RULE_NO_DATA_ALERT;
	STORY(&world, "n...nn", " N  R ");
	cr_expect_str_eq(world.told.reason, "data_returned");
	STORY(&world, "y..y.n", "FN FNR");
	cr_expect_str_eq(world.told.reason, "data_returned");
	cr_expect(key_state_is_needed(&world.state, &world.rule, world.boundary_ms));
}

Test(key_state, silence_is_counted_from_the_begin_of_the_empty_window)
{
	struct world world;

	begin(&world);
	world.rule.no_data = RULE_NO_DATA_ALERT;
	world.rule.no_data_after_ms = WINDOW + 10 * S;
	STORY(&world, "n...", "   N");
}

Test(key_state, silence_outside_the_valid_time_does_not_count)
{
	struct world world;

	begin(&world);
	world.rule.no_data = RULE_NO_DATA_ALERT;
	STORY(&world, "ymm.....", "FR    N ");
	STORY(&world, "nmmm....n", "R      NR");
}

Test(key_state, an_expected_key_is_missed_though_it_never_came)
{
	struct world world;

	begin(&world);
	world.rule.no_data = RULE_NO_DATA_ALERT;
	world.is_expected = true;
	world.state.quiet_ms = 0;
	STORY(&world, "......", "   N  ");
	world.rule.key_idle_ms = WINDOW;
	STORY(&world, "..........n", "          R");
}

Test(key_state, data_that_stop_do_not_resolve)
{
	struct world world;

	begin(&world);
	STORY(&world, "y......n", "F      R");
	begin(&world);
	world.rule.no_data = RULE_NO_DATA_OK;
	STORY(&world, "y......n", "FR      ");
}

Test(key_state, a_key_without_readings_for_long_is_forgotten)
{
	struct world world;

	begin(&world);
	world.rule.key_idle_ms = WINDOW + 10 * S;
	STORY(&world, "y...", "F  R");
	cr_expect_str_eq(world.told.reason, "key_idle");
	cr_expect_not(key_state_is_needed(&world.state, &world.rule, world.boundary_ms));
	begin(&world);
	world.rule.key_idle_ms = WINDOW + 10 * S;
	world.rule.by_count = 0;
	STORY(&world, "y.......", "F       ");
}

Test(key_state, flapping_is_told_once_and_settles_with_what_is_so)
{
	struct world world;

	begin(&world);
	world.rule.flap = (struct rule_flap){4, 30 * S};
	STORY(&world, "ynyn", "FRFF");
	cr_expect_str_eq(world.told.reason, "flapping");
	cr_expect_eq(key_state_stage(&world.state, &world.rule), KEY_STAGE_FLAPPING);
	STORY(&world, "ynynnnnnnn", "         R");
	cr_expect_str_eq(world.told.reason, "settled");
	STORY(&world, "ynyyyyyyyyn", "FRF       R");
	cr_expect_eq(world.told.reason, NULL);
	key_state_deinit(&world.state);
	begin(&world);
	world.rule.flap = (struct rule_flap){2, 10 * S};
	STORY(&world, "ynyyyn", "FF  FR");
	key_state_deinit(&world.state);
}

Test(key_state, firing_alerts_of_a_key_are_limited_and_their_resolving_too)
{
	struct world world;

	begin(&world);
	world.rule.non_disturb = (struct rule_non_disturb){2, 60 * S};
	STORY(&world, "ynynynynnnnn", "FRFR        ");
	STORY(&world, "y", "F");
	cr_expect_eq(world.told.kept_back, 2, "got %d", (int)world.told.kept_back);
	STORY(&world, "n", "R");
	cr_expect_eq(world.told.kept_back, 0);
	key_state_deinit(&world.state);
}

Test(key_state, what_non_disturb_keeps_back_is_told_when_it_is_still_so)
{
	struct world world;

	begin(&world);
	world.rule.non_disturb = (struct rule_non_disturb){1, 30 * S};
	STORY(&world, "ynyyyyyyyn", "FR    F  R");
	cr_expect_eq(world.told.kept_back, 0);
	key_state_deinit(&world.state);
}

Test(key_state, muted_resolves_and_begins_anew)
{
	struct world world;

	begin(&world);
	world.rule.levels[0].hold_ms = 5 * S;
	world.rule.levels[0].clear_hold_ms = 3600 * S;
	STORY(&world, "yymyym", " FR FR");
	cr_expect_str_eq(world.told.reason, "outside_valid_time");
}

Test(key_state, a_rule_that_ends_resolves_what_was_told)
{
	struct world world;
	struct key_tell tell;

	begin(&world);
	cr_expect_not(key_state_end(&world.state, "rule_removed", &tell));
	STORY(&world, "y", "F");
	cr_expect(key_state_end(&world.state, "rule_removed", &tell));
	cr_expect_eq(tell.kind, KEY_KIND_OK);
	cr_expect_str_eq(tell.reason, "rule_removed");
	cr_expect_not(key_state_is_needed(&world.state, &world.rule, world.boundary_ms));
}

Test(key_state, a_damaged_state_is_refused)
{
	struct key_state state = KEY_STATE_NEW;
	struct bytes text = BYTES_EMPTY;

	key_state_encode(&state, &text);
	for (size_t length = 0; length < text.length; length++) {
		struct byte_reader reader = byte_reader_of((struct slice){text.data, length});

		key_state_decode(&reader, &state);
		cr_expect(reader.has_failed, "%zu bytes", length);
	}
	for (size_t i = 0; i < text.length; i++) {
		struct byte_reader reader;

		text.data[i] = (char)(text.data[i] ^ 0xff);
		reader = byte_reader_of(bytes_slice(&text));
		key_state_decode(&reader, &state);
		key_state_deinit(&state);
		text.data[i] = (char)(text.data[i] ^ 0xff);
	}
	bytes_deinit(&text);
}
