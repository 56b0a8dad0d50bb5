#include "storage/audit_log.h"

#include "core/base/err.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

struct state {
	struct kv *kv;
	struct commit *commit;
	struct audit_log *log;
};

static void open_log(struct state *state)
{
	struct err_note why = {0};

	cr_assert_eq(audit_log_new(&state->log, state->kv, state->commit, &why), 0, "%s", why.text);
}

static struct state begin(void)
{
	struct commit_options options = {0};
	struct state state = {.kv = kv_memory_new()};

	cr_assert_eq(commit_new(&state.commit, state.kv, &options, NULL), 0);
	open_log(&state);
	return state;
}

static void end(struct state *state)
{
	audit_log_free(state->log);
	commit_free(state->commit);
	kv_free(state->kv);
}

static void restart(struct state *state)
{
	audit_log_free(state->log);
	open_log(state);
}

static void add(struct state *state, int64_t time_ms, const char *name)
{
	audit_log_add(state->log, &(struct audit_entry){.time_ms = time_ms,
							.kind = "rule",
							.name = name,
							.version = 3,
							.action = "enabled",
							.effective_ms = time_ms + 5,
							.actor = "uid:7(ann)",
							.reason = "because"});
}

/** "2:b 1:a " newest first. */
static bool add_row(void *arg, struct slice json)
{
	json_t *row = json_loadb(json.data, json.length, 0, NULL);

	cr_assert_not_null(row);
	bytes_append_format(arg, "%d:%s ",
			    (int)json_integer_value(json_object_get(row, "sequence")),
			    json_string_value(json_object_get(row, "name")));
	json_decref(row);
	return true;
}

static void expect_rows(struct state *state, const char *expected)
{
	struct bytes text = BYTES_EMPTY;
	struct err_note why = {0};

	commit_kick(state->commit);
	cr_assert_eq(audit_log_each(state->log, add_row, &text, &why), 0, "%s", why.text);
	cr_expect_str_eq(text.length > 0 ? text.data : "", expected);
	bytes_deinit(&text);
}

static void expect_counters(struct state *state, uint64_t added, uint64_t dropped)
{
	struct audit_counters counters;

	audit_log_counters(state->log, &counters);
	cr_expect_eq(counters.added, added, "added %llu", (unsigned long long)counters.added);
	cr_expect_eq(counters.dropped, dropped, "dropped %llu",
		     (unsigned long long)counters.dropped);
}

Test(audit_log, rows_come_newest_first_and_survive_a_restart)
{
	struct state state = begin();

	expect_rows(&state, "");
	add(&state, 100, "a");
	add(&state, 90, "b");
	expect_rows(&state, "2:b 1:a ");
	restart(&state);
	add(&state, 95, "c");
	expect_rows(&state, "3:c 2:b 1:a ");
	expect_counters(&state, 3, 0);
	end(&state);
}

static bool keep_text(void *arg, struct slice json)
{
	bytes_append_slice(arg, json);
	return false;
}

Test(audit_log, a_row_tells_everything_and_texts_that_are_not_utf8_are_left_out)
{
	struct state state = begin();
	struct bytes text = BYTES_EMPTY;

	audit_log_add(state.log, &(struct audit_entry){.time_ms = 7,
						       .kind = "rule",
						       .name = "slow",
						       .version = 2,
						       .action = "disabled",
						       .actor = "ann",
						       .reason = "a \xff b"});
	commit_kick(state.commit);
	cr_assert_eq(audit_log_each(state.log, keep_text, &text, NULL), 0);
	cr_expect_str_eq(text.data,
			 "{\"sequence\":1,\"time_ms\":7,\"kind\":\"rule\",\"name\":\"slow\","
			 "\"version\":2,\"action\":\"disabled\",\"effective_ms\":0,"
			 "\"actor\":\"ann\",\"reason\":\"\"}");
	bytes_deinit(&text);
	end(&state);
}

Test(audit_log, what_is_undone_in_the_same_turn_was_never_there)
{
	struct state state = begin();
	uint64_t mark;

	add(&state, 1, "a");
	mark = audit_log_mark(state.log);
	add(&state, 2, "b");
	add(&state, 3, "c");
	audit_log_undo(state.log, mark);
	audit_log_undo(state.log, mark);
	add(&state, 4, "d");
	expect_rows(&state, "2:d 1:a ");
	expect_counters(&state, 2, 0);
	end(&state);
}

Test(audit_log, old_rows_go_but_never_the_last)
{
	struct state state = begin();

	for (int i = 1; i <= 4; i++)
		add(&state, i * 100, "a");
	commit_kick(state.commit);
	cr_expect_eq(audit_log_trim(state.log, 100, NULL), 0);
	expect_rows(&state, "4:a 3:a 2:a 1:a ");
	cr_expect_eq(audit_log_trim(state.log, 201, NULL), 0);
	expect_rows(&state, "4:a 3:a ");
	expect_counters(&state, 4, 2);
	cr_expect_eq(audit_log_trim(state.log, 99999, NULL), 0);
	expect_rows(&state, "4:a ");
	restart(&state);
	expect_counters(&state, 4, 3);
	add(&state, 500, "b");
	expect_rows(&state, "5:b 4:a ");
	end(&state);
}

static bool count_row(void *arg, struct slice json)
{
	(void)json;
	(*(unsigned *)arg)++;
	return true;
}

static unsigned count_rows(struct state *state)
{
	unsigned count = 0;

	commit_kick(state->commit);
	cr_assert_eq(audit_log_each(state->log, count_row, &count, NULL), 0);
	return count;
}

Test(audit_log, the_oldest_go_when_there_are_too_many)
{
	struct state state = begin();

	for (int i = 1; i < AUDIT_ROWS_MAX + AUDIT_DROP_STEP; i++)
		add(&state, i, "a");
	cr_expect_eq(count_rows(&state), (unsigned)(AUDIT_ROWS_MAX + AUDIT_DROP_STEP - 1));
	add(&state, 1, "a");
	cr_expect_eq(count_rows(&state), (unsigned)AUDIT_ROWS_MAX);
	expect_counters(&state, AUDIT_ROWS_MAX + AUDIT_DROP_STEP, AUDIT_DROP_STEP);
	restart(&state);
	expect_counters(&state, AUDIT_ROWS_MAX + AUDIT_DROP_STEP, AUDIT_DROP_STEP);
	end(&state);
}

Test(audit_log, a_damaged_row_is_an_error)
{
	struct state state = begin();
	struct err_note why = {0};

	add(&state, 1, "a");
	commit_kick(state.commit);
	kv_batch_put(commit_batch(state.commit),
		     (struct slice){"A\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 17},
		     SLICE_LITERAL("rubbish"));
	commit_kick(state.commit);
	cr_expect_eq(audit_log_each(state.log, count_row, &(unsigned){0}, &why), ERR_CORRUPT);
	kv_batch_put(commit_batch(state.commit), SLICE_LITERAL("Axx"), SLICE_LITERAL("rubbish"));
	commit_kick(state.commit);
	audit_log_free(state.log);
	cr_expect_eq(audit_log_new(&state.log, state.kv, state.commit, &why), ERR_CORRUPT);
	state.log = NULL;
	end(&state);
}
