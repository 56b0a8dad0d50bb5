#include "core/rule/versions.h"

#include "core/base/bytes.h"
#include "storage/audit_log.h"
#include "versions_fixture.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdio.h>
#include <string.h>

Test(versions_moves, the_previous_one_is_the_one_that_ran_before)
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

Test(versions_moves, disabling_touches_no_other_rule_and_no_other_version)
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

Test(versions_moves, every_move_is_in_the_audit_log_and_a_load_that_failed_is_not)
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

Test(versions_moves, a_version_that_is_dropped_is_in_the_audit_log)
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

Test(versions_moves, a_new_version_waits_for_the_time_that_its_file_says)
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

Test(versions_moves, rows_from_before_activations_were_timed_can_be_read)
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
