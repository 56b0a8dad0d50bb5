/** versions_fixture.h - versions on a store in memory, of the rule "slow". */
#ifndef TOCSIN_TESTS_UNIT_CORE_RULE_VERSIONS_FIXTURE_H
#define TOCSIN_TESTS_UNIT_CORE_RULE_VERSIONS_FIXTURE_H

#include "core/base/err.h"
#include "core/rule/versions.h"
#include "storage/commit.h"
#include "storage/kv.h"

struct state {
	struct kv *kv;
	struct commit *commit;
	struct versions *versions;
	struct err_note why;
};

void open_versions(struct state *state);
void state_init(struct state *state);
void state_deinit(struct state *state);
void restart(struct state *state);
int seen(struct state *state, uint32_t number, const char *hash, int64_t now_ms);
void expect_rows(const struct state *state, const char *expected);

#endif
