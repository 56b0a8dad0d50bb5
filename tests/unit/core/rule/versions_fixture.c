#include "versions_fixture.h"

#include "core/base/bytes.h"

#include <criterion/criterion.h>

void open_versions(struct state *state)
{
	cr_assert_eq(versions_new(&state->versions, state->kv, state->commit, KEYSPACE_RULE, 10,
				  &state->why),
		     0, "%s", state->why.text);
}

void state_init(struct state *state)
{
	struct commit_options options = {0};

	*state = (struct state){.kv = kv_memory_new()};
	cr_assert_eq(commit_new(&state->commit, state->kv, &options, NULL), 0);
	open_versions(state);
}

void state_deinit(struct state *state)
{
	versions_free(state->versions);
	commit_free(state->commit);
	kv_free(state->kv);
}

void restart(struct state *state)
{
	commit_kick(state->commit);
	versions_free(state->versions);
	open_versions(state);
}

int seen(struct state *state, uint32_t number, const char *hash, int64_t now_ms)
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

void expect_rows(const struct state *state, const char *expected)
{
	struct bytes text = BYTES_EMPTY;

	versions_each(state->versions, "slow", add_row, &text);
	cr_expect_str_eq(text.data != NULL ? text.data : "", expected);
	bytes_deinit(&text);
}
