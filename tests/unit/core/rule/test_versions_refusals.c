/* What cannot be asked of versions, each with its sentence; and damaged rows of the store. */
#include "core/rule/versions.h"

#include "core/base/bytes.h"
#include "versions_fixture.h"

#include <criterion/criterion.h>

#include <string.h>

/** Versions 1 (its file is gone), 2 (disabled) and 3, which runs. */
static void three_versions(struct state *state)
{
	state_init(state);
	for (uint32_t i = 1; i <= 3; i++) {
		seen(state, i, "h", i);
		versions_advance(state->versions, i);
	}
	versions_load_begin(state->versions);
	seen(state, 2, "h", 4);
	seen(state, 3, "h", 4);
	versions_load_end(state->versions, 4);
}

Test(versions_refusals, a_command_that_cannot_be_says_why_and_changes_nothing)
{
	enum command { ENABLE, DISABLE };
	static const char rows_before[] = "3 enabled active|2 disabled|1 disabled missing|";
	static const struct {
		enum command command;
		const char *name;
		uint32_t number;
		int code;
		const char *text;
	} rows[] = {
		{ENABLE, "slow", 3, ERR_CONFLICT, "version 3 of slow is active already"},
		{ENABLE, "slow", 0, ERR_CONFLICT, "version 3 of slow is active already"},
		{ENABLE, "slow", 1, ERR_CONFLICT,
		 "the file of version 1 of slow is gone; put it back and reload"},
		{ENABLE, "slow", 9, ERR_NOT_FOUND,
		 "slow has no version 9; the newest is 3, and 3 are kept"},
		{ENABLE, "fast", 0, ERR_NOT_FOUND, "there is no \"fast\""},
		{DISABLE, "slow", 2, ERR_CONFLICT, "version 2 of slow is disabled already"},
		{DISABLE, "slow", 9, ERR_NOT_FOUND,
		 "slow has no version 9; the newest is 3, and 3 are kept"},
		{DISABLE, "fast", 0, ERR_NOT_FOUND, "there is no \"fast\""},
	};
	struct state state;

	three_versions(&state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code = rows[i].command == ENABLE
				   ? versions_enable(state.versions, rows[i].name, rows[i].number,
						     0, "me", "", 10, &state.why)
				   : versions_disable(state.versions, rows[i].name, rows[i].number,
						      "me", "", 10, &state.why);

		cr_expect_eq(code, rows[i].code, "%zu: %s", i, rows[i].text);
		cr_expect_str_eq(state.why.text, rows[i].text);
		expect_rows(&state, rows_before);
	}
	cr_assert_eq(versions_disable(state.versions, "slow", 0, "me", "", 11, NULL), 0);
	cr_expect_eq(versions_disable(state.versions, "slow", 0, "me", "", 12, &state.why),
		     ERR_CONFLICT);
	cr_expect_str_eq(state.why.text,
			 "no version of slow is active or pending: there is nothing to disable");
	state_deinit(&state);
}

Test(versions_refusals, names_and_numbers_have_limits)
{
	char name[VERSION_NAME_BYTES_MAX + 2];
	struct state state;

	state_init(&state);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_expect_eq(versions_seen(state.versions, name, 1, "count", "h", 1, &state.why),
		     ERR_INVALID);
	cr_expect_str_eq(state.why.text, "a name of 1 to 64 bytes and a version from 1 are needed");
	cr_expect_eq(versions_seen(state.versions, name + 1, 1, "count", "h", 1, NULL), 0);
	cr_expect_eq(versions_seen(state.versions, "", 1, "count", "h", 1, NULL), ERR_INVALID);
	cr_expect_eq(versions_seen(state.versions, "x", 0, "count", "h", 1, NULL), ERR_INVALID);
	restart(&state);
	cr_expect_not_null(versions_find(state.versions, name + 1, 1));
	state_deinit(&state);
}

/** What versions_new() says of a store with this one row. */
static int open_with(struct slice key, const char *content, struct err_note *why)
{
	struct bytes value = BYTES_EMPTY;
	struct versions *versions = NULL;
	struct state state;

	state_init(&state);
	keyspace_seal(&value, slice_of(content));
	kv_batch_put(commit_batch(state.commit), key, bytes_slice(&value));
	commit_kick(state.commit);
	int code = versions_new(&versions, state.kv, state.commit, KEYSPACE_RULE, 10, why);

	if (code == 0)
		versions_free(versions);
	bytes_deinit(&value);
	state_deinit(&state);
	return code;
}

#define ROW(number, state)                                                                         \
	"[{\"number\":" number ",\"state\":\"" state "\",\"active\":false,\"was_active\":true,"    \
	"\"quarantined\":false,\"missing\":false,\"first_seen\":1,\"effective\":1,\"changed\":1,"  \
	"\"hash\":\"h1\",\"type\":\"count\",\"actor\":\"\",\"reason\":\"\"}]"

Test(versions_refusals, damaged_rows_are_named)
{
	static const char *const damaged[] = {
		"",
		"nonsense",
		"{}",
		"7",
		"[7]",
		"[{\"number\":1,\"state\":\"enabled\"}]",
		ROW("0", "disabled"),
		ROW("4294967296", "disabled"),
		ROW("1", "asleep"),
	};
	struct err_note why = {{0}};
	char key[VERSION_NAME_BYTES_MAX + 2];

	cr_expect_eq(open_with(SLICE_LITERAL("rslow"), ROW("1", "disabled"), &why), 0, "%s",
		     why.text);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		cr_expect_eq(open_with(SLICE_LITERAL("rslow"), damaged[i], &why), ERR_CORRUPT, "%s",
			     damaged[i]);
		cr_expect_str_eq(why.text, "the stored versions of slow are damaged");
	}
	memset(key, 'r', sizeof(key));
	cr_expect_eq(open_with((struct slice){key, sizeof(key)}, ROW("1", "disabled"), &why),
		     ERR_CORRUPT);
	cr_expect_str_eq(why.text, "a stored version has a name of 65 bytes");
}
