#include "core/outbox/ledger.h"

#include "outbox_fixture.h"
#include "storage/commit.h"
#include "storage/keyspace.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static struct outbox_fixture fixture;
static struct ledger ledger;

static void begin(void)
{
	fixture_begin(&fixture, false);
	ledger = (struct ledger){.kv = fixture.kv, .commit = fixture.commit, .output = "bot"};
}

static void end(void)
{
	fixture_end(&fixture);
}

TestSuite(ledger, .init = begin, .fini = end);

static void put(uint64_t incident, const char *ts)
{
	struct ledger_entry entry = {.incident = incident, .room = "C1"};

	snprintf(entry.ts, sizeof(entry.ts), "%s", ts);
	ledger_put(&ledger, &entry);
}

/** "" when there is none. */
static const char *ts_of(uint64_t incident)
{
	static struct ledger_entry entry;

	entry = (struct ledger_entry){0};
	return ledger_find(&ledger, incident, &entry) ? entry.ts : "";
}

static void restart(void)
{
	commit_kick(fixture.commit);
	fixture_settle(&fixture);
	memset(ledger.recent, 0, sizeof(ledger.recent));
}

Test(ledger, finds_before_and_after_the_commit_and_a_restart)
{
	put(7, "1.1");
	cr_expect_str_eq(ts_of(7), "1.1");
	cr_expect_str_eq(ts_of(8), "");
	cr_expect_str_eq(ts_of(0), "");
	restart();
	cr_expect_str_eq(ts_of(7), "1.1");
	put(7, "2.2");
	cr_expect_str_eq(ts_of(7), "2.2");
}

Test(ledger, more_than_it_remembers_are_in_the_store)
{
	for (uint64_t incident = 1; incident <= 2 * LEDGER_RECENT; incident++) {
		char ts[32];

		snprintf(ts, sizeof(ts), "%u.0", (unsigned)incident);
		put(incident, ts);
	}
	commit_kick(fixture.commit);
	fixture_settle(&fixture);
	cr_expect_str_eq(ts_of(1), "1.0");
	cr_expect_str_eq(ts_of(2 * LEDGER_RECENT), "128.0");
}

Test(ledger, forgets_at_once_and_for_good)
{
	put(7, "1.1");
	ledger_forget(&ledger, 7);
	cr_expect_str_eq(ts_of(7), "");
	restart();
	cr_expect_str_eq(ts_of(7), "");
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_LEDGER), 0);
}

Test(ledger, another_output_has_its_own)
{
	put(7, "1.1");
	restart();
	ledger.output = "other";
	cr_expect_str_eq(ts_of(7), "");
}
