#include "core/rule/versions.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "storage/audit_log.h"
#include "storage/commit.h"
#include "storage/kv.h"

struct state {
	struct kv *kv;
	struct commit *commit;
	struct versions *versions;
	struct err_note why;
};

static void open_versions(struct state *state)
{
	cr_assert_eq(versions_new(&state->versions, state->kv, state->commit, KEYSPACE_RULE, 10,
				  &state->why),
		     0, "%s", state->why.text);
}

static void state_init(struct state *state)
{
	struct commit_options options = {0};

	*state = (struct state){.kv = kv_memory_new()};
	cr_assert_eq(commit_new(&state->commit, state->kv, &options, NULL), 0);
	open_versions(state);
}

static void state_deinit(struct state *state)
{
	versions_free(state->versions);
	commit_free(state->commit);
	kv_free(state->kv);
}

static void restart(struct state *state)
{
	commit_kick(state->commit);
	versions_free(state->versions);
	open_versions(state);
}

static int seen(struct state *state, uint32_t number, const char *hash, int64_t now_ms)
{
	return versions_seen(state->versions, "slow", number, "count", hash, now_ms, &state->why);
}

static void add_row(void *arg, const char *name, const struct version_row *row)
{
	struct bytes *out = arg;

	(void)name;
	bytes_append_format(out, "%u %s%s%s%s|", row->number, version_state_name(row->state),
			    row->is_active ? " active" : "", row->is_quarantined ? " stopped" : "",
			    row->is_missing ? " missing" : "");
}

static void expect_rows(const struct state *state, const char *expected)
{
	struct bytes text = BYTES_EMPTY;

	versions_each(state->versions, "slow", add_row, &text);
	cr_expect_str_eq(text.data != NULL ? text.data : "", expected);
	bytes_deinit(&text);
}

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

Test(versions, the_previous_one_is_the_one_that_ran_before)
{
	struct state state;

	state_init(&state);
	cr_expect_eq(versions_previous(state.versions, "slow"), 0);
	for (uint32_t i = 1; i <= 3; i++) {
		seen(&state, i, "h", i * 10);
		versions_advance(state.versions, i * 10);
		cr_expect_eq(versions_previous(state.versions, "slow"), i - 1);
	}
	seen(&state, 4, "h", 40);
	cr_expect_eq(versions_previous(state.versions, "slow"), 2, "4 has not run yet");
	cr_assert_eq(versions_disable(state.versions, "slow", 4, "me", "no", 41, NULL), 0);
	cr_assert_eq(versions_enable(state.versions, "slow", 1, 0, "me", "", 50, NULL), 0);
	versions_advance(state.versions, 50);
	cr_expect_eq(versions_previous(state.versions, "slow"), 3);
	restart(&state);
	cr_expect_eq(versions_previous(state.versions, "slow"), 3);
	cr_assert_eq(versions_disable(state.versions, "slow", 0, "me", "", 60, NULL), 0);
	cr_expect_eq(versions_previous(state.versions, "slow"), 3, "1 ran last, 3 before it");
	state_deinit(&state);
}

Test(versions, disabling_touches_no_other_rule_and_no_other_version)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_seen(state.versions, "other", 1, "count", "h", 1, NULL);
	versions_advance(state.versions, 1);
	seen(&state, 2, "h2", 2);
	versions_advance(state.versions, 2);
	cr_assert_eq(versions_enable(state.versions, "slow", 1, 900, "me", "later", 3, NULL), 0);
	cr_assert_eq(versions_disable(state.versions, "slow", 2, "me", "no", 4, NULL), 0);
	expect_rows(&state, "2 disabled|1 pending|");
	cr_expect_eq(versions_find(state.versions, "slow", 1)->effective_ms, 900);
	cr_expect_eq(versions_active(state.versions, "other"), 1);
	cr_assert_eq(versions_disable(state.versions, "slow", 1, "me", "no", 5, NULL), 0);
	cr_expect_not(versions_advance(state.versions, 1000), "a pending one that was disabled");
	expect_rows(&state, "2 disabled|1 disabled|");
	state_deinit(&state);
}

/** "added 1 reload|activated 1 reload|" oldest first. */
static bool put_before(void *arg, struct slice json)
{
	struct bytes *text = arg;
	struct bytes all = BYTES_EMPTY;
	json_t *row = json_loadb(json.data, json.length, 0, NULL);

	cr_assert_not_null(row);
	bytes_append_format(&all, "%s %s %d %s|", json_string_value(json_object_get(row, "name")),
			    json_string_value(json_object_get(row, "action")),
			    (int)json_integer_value(json_object_get(row, "version")),
			    json_string_value(json_object_get(row, "actor")));
	json_decref(row);
	bytes_append_slice(&all, bytes_slice(text));
	bytes_deinit(text);
	*text = all;
	return true;
}

static void expect_audit(struct state *state, struct audit_log *log, const char *expected)
{
	struct bytes text = BYTES_EMPTY;

	commit_kick(state->commit);
	cr_assert_eq(audit_log_each(log, put_before, &text, NULL), 0);
	cr_expect_str_eq(text.length > 0 ? text.data : "", expected);
	bytes_deinit(&text);
}

Test(versions, every_move_is_in_the_audit_log_and_a_load_that_failed_is_not)
{
	struct versions_snapshot *snapshot;
	struct audit_log *log = NULL;
	struct state state;

	state_init(&state);
	cr_assert_eq(audit_log_new(&log, state.kv, state.commit, NULL), 0);
	versions_audit_to(state.versions, log);
	seen(&state, 1, "h1", 1);
	seen(&state, 1, "edited", 1);
	versions_advance(state.versions, 1);
	seen(&state, 2, "h2", 2);
	versions_advance(state.versions, 2);
	snapshot = versions_snapshot(state.versions);
	seen(&state, 3, "h3", 3);
	versions_advance(state.versions, 3);
	versions_rollback(state.versions, snapshot);
	versions_snapshot_free(snapshot);
	cr_assert_eq(versions_disable(state.versions, "slow", 0, "ann", "no", 4, NULL), 0);
	cr_assert_eq(versions_enable(state.versions, "slow", 1, 9, "bob", "", 5, NULL), 0);
	versions_advance(state.versions, 9);
	versions_quarantine(state.versions, "slow", 1, "endless loop", 10);
	versions_load_begin(state.versions);
	seen(&state, 1, "edited", 11);
	versions_load_end(state.versions, 11);
	versions_load_begin(state.versions);
	seen(&state, 1, "edited", 12);
	seen(&state, 2, "h2", 12);
	versions_load_end(state.versions, 12);
	expect_audit(&state, log,
		     "slow added 1 reload|slow changed 1 reload|slow activated 1 reload|"
		     "slow added 2 reload|slow replaced 1 reload|slow activated 2 reload|"
		     "slow disabled 2 ann|slow enabled 1 bob|slow activated 1 bob|"
		     "slow quarantined 1 engine|slow missing 2 reload|slow returned 2 reload|");
	audit_log_free(log);
	state_deinit(&state);
}

Test(versions, a_version_that_is_dropped_is_in_the_audit_log)
{
	struct audit_log *log = NULL;
	struct state state;

	state_init(&state);
	for (uint32_t i = 1; i <= 10; i++) {
		seen(&state, i, "h", i);
		versions_advance(state.versions, i);
	}
	cr_assert_eq(audit_log_new(&log, state.kv, state.commit, NULL), 0);
	versions_audit_to(state.versions, log);
	seen(&state, 11, "h", 30);
	expect_audit(&state, log, "slow added 11 reload|slow dropped 1 engine|");
	audit_log_free(log);
	state_deinit(&state);
}

Test(versions, a_new_version_waits_for_the_time_that_its_file_says)
{
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_advance(state.versions, 1);
	cr_assert_eq(versions_seen_at(state.versions, "slow", 2, "count", "h2", 500, 2, NULL), 0);
	cr_expect_not(versions_advance(state.versions, 499));
	expect_rows(&state, "2 pending|1 enabled active|");
	cr_assert_eq(versions_seen_at(state.versions, "slow", 2, "count", "h2", 500, 400, NULL), 0);
	cr_expect_eq(versions_next_ms(state.versions), 500, "the same file changes nothing");
	cr_assert_eq(versions_seen_at(state.versions, "slow", 2, "count", "h3", 700, 400, NULL), 0);
	cr_expect_eq(versions_next_ms(state.versions), 700, "an edit moves its time");
	cr_expect(versions_advance(state.versions, 700));
	expect_rows(&state, "2 enabled active|1 disabled|");
	cr_assert_eq(versions_seen_at(state.versions, "slow", 3, "count", "h4", 5, 800, NULL), 0);
	cr_expect_eq(versions_next_ms(state.versions), 800, "a past time means now");
	cr_assert_eq(versions_disable(state.versions, "slow", 3, "me", "no", 801, NULL), 0);
	cr_assert_eq(versions_seen_at(state.versions, "slow", 3, "count", "h5", 900, 802, NULL), 0);
	expect_rows(&state, "3 disabled|2 enabled active|1 disabled|");
	state_deinit(&state);
}

Test(versions, rows_from_before_activations_were_timed_can_be_read)
{
	struct bytes value = BYTES_EMPTY;
	struct state state;

	state_init(&state);
	seen(&state, 1, "h1", 1);
	versions_advance(state.versions, 1);
	commit_kick(state.commit);
	keyspace_seal(&value,
		      SLICE_LITERAL("[{\"number\":1,\"state\":\"enabled\",\"active\":true,"
				    "\"was_active\":true,\"quarantined\":false,\"missing\":false,"
				    "\"first_seen\":1,\"effective\":1,\"changed\":1,"
				    "\"hash\":\"h1\",\"type\":\"count\",\"actor\":\"\","
				    "\"reason\":\"\"}]"));
	kv_batch_put(commit_batch(state.commit), SLICE_LITERAL("rslow"), bytes_slice(&value));
	restart(&state);
	expect_rows(&state, "1 enabled active|");
	bytes_deinit(&value);
	state_deinit(&state);
}
