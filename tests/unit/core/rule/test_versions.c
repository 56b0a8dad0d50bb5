#include "core/rule/versions.h"

#include "core/base/bytes.h"
#include "versions_fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

Test(versions, a_new_file_is_pending_and_becomes_enabled_by_itself)
{
	struct state state;

	state_init(&state);
	cr_expect_eq(seen(&state, 1, "h1", 100), 0);
	expect_rows(&state, "1 pending|");
	cr_expect_eq(versions_active(state.versions, "slow"), 0);
	cr_expect_eq(versions_next_ms(state.versions), 100);
	cr_expect_not(versions_advance(state.versions, 99));
	cr_expect(versions_advance(state.versions, 100));
	expect_rows(&state, "1 enabled active|");
	cr_expect_eq(versions_next_ms(state.versions), -1);
	restart(&state);
	expect_rows(&state, "1 enabled active|");
	state_deinit(&state);
}

Test(versions, a_newer_version_takes_over_and_an_older_file_is_added_disabled)
{
	struct state state;

	state_init(&state);
	seen(&state, 2, "h2", 1);
	versions_advance(state.versions, 1);
	seen(&state, 3, "h3", 2);
	seen(&state, 1, "h1", 2);
	versions_advance(state.versions, 2);
	expect_rows(&state, "3 enabled active|2 disabled|1 disabled|");
	state_deinit(&state);
}

Test(versions, of_several_new_ones_only_the_newest_was_ever_active)
{
	struct state state;

	state_init(&state);
	for (uint32_t i = 1; i <= 3; i++)
		seen(&state, i, "h", 1);
	versions_advance(state.versions, 1);
	expect_rows(&state, "3 enabled active|2 disabled|1 disabled|");
	cr_expect_eq(seen(&state, 2, "edited", 2), 0, "it never ran: it may change");
	state_deinit(&state);
}

Test(versions, one_that_was_active_must_not_change)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_advance(state.versions, 1);
	cr_expect_eq(seen(&state, 1, "other", 2), ERR_CONFLICT);
	cr_expect_str_eq(state.why.text,
			 "version 1 of slow was active and must not change: undo the change and "
			 "save it as version 2 (slow/2.lua)");
	seen(&state, 2, "h2", 2);
	versions_advance(state.versions, 2);
	cr_expect_eq(seen(&state, 1, "other", 3), ERR_CONFLICT, "also after it stepped down");
	cr_expect_eq(seen(&state, 1, "h1", 3), 0);
	state_deinit(&state);
}

Test(versions, the_type_of_a_name_cannot_change)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	cr_expect_eq(versions_seen(state.versions, "slow", 1, "group", "h2", 1, &state.why), 0,
		     "the only version, never active");
	versions_advance(state.versions, 1);
	cr_expect_eq(versions_seen(state.versions, "slow", 2, "count", "h3", 2, &state.why),
		     ERR_CONFLICT);
	expect_rows(&state, "1 enabled active|");
	state_deinit(&state);
}

Test(versions, the_eleventh_drops_the_oldest_but_never_the_active_one)
{
	struct state state;
	struct bytes expected = BYTES_EMPTY;

	state_init(&state);
	for (uint32_t i = 1; i <= 10; i++) {
		seen(&state, i, "h", i);
		versions_advance(state.versions, i);
	}
	cr_expect_eq(versions_enable(state.versions, "slow", 1, 20, "me", "back", 20, NULL), 0);
	versions_advance(state.versions, 20);
	cr_expect_eq(versions_active(state.versions, "slow"), 1);
	seen(&state, 11, "h", 30);
	for (uint32_t i = 11; i >= 2; i--)
		bytes_append_format(&expected, "%u %s|", i, i == 11 ? "pending" : "disabled");
	bytes_append_text(&expected, "1 enabled active|");
	expect_rows(&state, expected.data);
	versions_advance(state.versions, 30);
	cr_expect_eq(versions_active(state.versions, "slow"), 11);
	cr_expect_eq(versions_enable(state.versions, "slow", 1, 40, "me", "", 40, &state.why),
		     ERR_NOT_FOUND, "1 is dropped now");
	cr_expect_eq(versions_enable(state.versions, "slow", 2, 40, "me", "", 40, NULL), 0);
	bytes_deinit(&expected);
	state_deinit(&state);
}

Test(versions, enabling_at_a_time_leaves_the_active_one_until_then)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_advance(state.versions, 1);
	seen(&state, 2, "h2", 2);
	versions_advance(state.versions, 2);
	cr_expect_eq(versions_enable(state.versions, "slow", 1, 500, "me", "test", 3, NULL), 0);
	expect_rows(&state, "2 enabled active|1 pending|");
	restart(&state);
	cr_expect_not(versions_advance(state.versions, 499));
	cr_expect_eq(versions_next_ms(state.versions), 500);
	cr_expect(versions_advance(state.versions, 500));
	expect_rows(&state, "2 disabled|1 enabled active|");
	cr_expect_eq(versions_enable(state.versions, "slow", 1, 0, "me", "", 600, NULL),
		     ERR_CONFLICT);
	state_deinit(&state);
}

Test(versions, disabling_stops_the_active_or_the_pending_one)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	cr_expect_eq(versions_disable(state.versions, "slow", 0, "me", "no", 1, NULL), 0);
	expect_rows(&state, "1 disabled|");
	cr_expect_not(versions_advance(state.versions, 10));
	cr_expect_eq(versions_disable(state.versions, "slow", 0, "me", "no", 1, NULL),
		     ERR_CONFLICT);
	cr_expect_eq(versions_enable(state.versions, "slow", 0, 0, "me", "yes", 11, NULL), 0);
	versions_advance(state.versions, 11);
	cr_expect_eq(versions_disable(state.versions, "slow", 1, "me", "no", 12, NULL), 0);
	cr_expect_eq(versions_active(state.versions, "slow"), 0);
	cr_expect_eq(versions_disable(state.versions, "fast", 0, "me", "no", 1, NULL),
		     ERR_NOT_FOUND);
	cr_expect_eq(versions_disable(state.versions, "slow", 9, "me", "no", 1, NULL),
		     ERR_NOT_FOUND);
	state_deinit(&state);
}

Test(versions, quarantine_ends_with_enabling_or_a_new_version)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_advance(state.versions, 1);
	versions_quarantine(state.versions, "slow", 1, "endless loop", 2);
	expect_rows(&state, "1 disabled stopped|");
	restart(&state);
	expect_rows(&state, "1 disabled stopped|");
	cr_expect_eq(versions_enable(state.versions, "slow", 0, 0, "me", "", 3, NULL), 0);
	versions_advance(state.versions, 3);
	expect_rows(&state, "1 enabled active|");
	versions_quarantine(state.versions, "slow", 1, "again", 4);
	seen(&state, 2, "h2", 5);
	versions_advance(state.versions, 5);
	expect_rows(&state, "2 enabled active|1 disabled stopped|");
	state_deinit(&state);
}

Test(versions, a_version_whose_file_is_gone_is_missing_until_it_is_back)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_load_begin(state.versions);
	versions_load_end(state.versions, 2);
	expect_rows(&state, "1 pending missing|");
	cr_expect_not(versions_advance(state.versions, 3));
	cr_expect_eq(versions_enable(state.versions, "slow", 1, 0, "me", "", 3, NULL),
		     ERR_CONFLICT);
	versions_load_begin(state.versions);
	seen(&state, 1, "h1", 4);
	versions_load_end(state.versions, 4);
	cr_expect(versions_advance(state.versions, 4));
	expect_rows(&state, "1 enabled active|");
	state_deinit(&state);
}

Test(versions, a_long_reason_is_cut_between_characters_and_survives)
{
	struct state state;
	char reason[301] = "", expected[200] = "";

	for (int i = 0; i < 100; i++)
		memcpy(reason + 3 * i, "\u963f", 3);
	memcpy(expected, reason, 198);
	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_advance(state.versions, 1);
	cr_assert_eq(versions_disable(state.versions, "slow", 1, "ann", reason, 2, &state.why), 0);
	cr_expect_str_eq(versions_find(state.versions, "slow", 1)->reason, expected);
	restart(&state);
	cr_expect_str_eq(versions_find(state.versions, "slow", 1)->reason, expected);
	state_deinit(&state);
}

Test(versions, finds_one_row)
{
	struct state state;

	state_init(&state);
	cr_assert_eq(seen(&state, 2, "h2", 1000), 0);
	cr_assert_not_null(versions_find(state.versions, "slow", 2));
	cr_expect_str_eq(versions_find(state.versions, "slow", 2)->hash, "h2");
	cr_expect_null(versions_find(state.versions, "slow", 1));
	cr_expect_null(versions_find(state.versions, "quick", 2));
	state_deinit(&state);
}

Test(versions, a_load_is_taken_back_whole_also_in_the_store)
{
	struct versions_snapshot *snapshot;
	struct state state;

	state_init(&state);
	cr_assert_eq(seen(&state, 1, "h1", 1000), 0);
	versions_advance(state.versions, 1000);
	commit_kick(state.commit);
	snapshot = versions_snapshot(state.versions);
	versions_load_begin(state.versions);
	cr_assert_eq(seen(&state, 2, "h2", 2000), 0);
	cr_assert_eq(versions_seen(state.versions, "added", 1, "count", "h", 2000, NULL), 0);
	versions_load_end(state.versions, 2000);
	versions_advance(state.versions, 2000);
	expect_rows(&state, "2 enabled active|1 disabled missing|");
	versions_rollback(state.versions, snapshot);
	versions_snapshot_free(snapshot);
	for (int is_restarted = 0; is_restarted < 2; is_restarted++) {
		expect_rows(&state, "1 enabled active|");
		cr_expect_eq(versions_active(state.versions, "slow"), 1);
		cr_expect_null(versions_find(state.versions, "added", 1));
		cr_expect_eq(versions_active(state.versions, "added"), 0);
		if (!is_restarted)
			restart(&state);
	}
	/* The name that was taken back can come again. */
	cr_expect_eq(versions_seen(state.versions, "added", 1, "field", "h", 3000, NULL), 0);
	cr_expect_not_null(versions_find(state.versions, "added", 1));
	state_deinit(&state);
}
