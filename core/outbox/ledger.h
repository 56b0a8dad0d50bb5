/** ledger.h - which message of a channel tells of which incident, so that it can be edited.
 *
 *  Kept in the store under (output, incident); the last LEDGER_RECENT are also in memory, since the
 *  store shows an entry only after its commit.
 */
#ifndef TOCSIN_CORE_OUTBOX_LEDGER_H
#define TOCSIN_CORE_OUTBOX_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct commit;
struct kv;

enum { LEDGER_RECENT = 64, LEDGER_TEXT_BYTES = 64 };

struct ledger_entry {
	uint64_t incident; /**< 0: none */
	char room[LEDGER_TEXT_BYTES], ts[LEDGER_TEXT_BYTES];
};

struct ledger {
	struct kv *kv; /**< NULL: in memory only */
	struct commit *commit;
	const char *output; /**< borrowed */
	struct ledger_entry recent[LEDGER_RECENT];
	uint32_t next;
};

/** False: no message tells of it. */
bool ledger_find(const struct ledger *ledger, uint64_t incident, struct ledger_entry *out);
/** In commit_batch(), with the deletion of the row that it comes from. */
void ledger_put(struct ledger *ledger, const struct ledger_entry *entry);
void ledger_forget(struct ledger *ledger, uint64_t incident);

#endif
