/** audit_log.h - who changed what, when and why: rows under "A" that nobody changes.
 *
 *  A row is added to commit_batch(), so it is durable exactly when the change it tells of is. Rows
 *  are numbered from 1; the oldest go when there are AUDIT_ROWS_MAX, or when they are AUDIT_KEPT_MS
 *  old, but never the last one: so the numbers alone tell how many there were.
 *  Owner: audit_log_new() result owned; kv, commit borrowed. Threads: loop thread.
 */
#ifndef TOCSIN_STORAGE_AUDIT_LOG_H
#define TOCSIN_STORAGE_AUDIT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct audit_log;
struct commit;
struct err_note;
struct kv;

enum { AUDIT_ROWS_MAX = 10000, AUDIT_DROP_STEP = 100 };

#define AUDIT_KEPT_MS (400LL * 24 * 3600 * 1000)

/** Texts are copied; what is not UTF-8 is left out. NULL texts are "". */
struct audit_entry {
	int64_t time_ms;
	const char *kind;     /**< "rule", "plan", … */
	const char *name;     /**< of the changed thing */
	uint32_t version;     /**< 0: it has none */
	const char *action;   /**< "enabled", … */
	int64_t effective_ms; /**< 0: at once */
	const char *actor;
	const char *reason;
};

struct audit_counters {
	uint64_t added;   /**< since the state was created */
	uint64_t dropped; /**< of them: too old, or too many */
};

/** Reads which rows there are. */
int audit_log_new(struct audit_log **out, struct kv *kv, struct commit *commit,
		  struct err_note *why);
void audit_log_free(struct audit_log *log); /**< NULL allowed */

void audit_log_add(struct audit_log *log, const struct audit_entry *entry);

/** What was added since the mark did not happen after all: for a change that is taken back in the
 *  same turn of the loop. */
uint64_t audit_log_mark(const struct audit_log *log);
void audit_log_undo(struct audit_log *log, uint64_t mark);

/** Deletes rows that are older than `before_ms`. */
int audit_log_trim(struct audit_log *log, int64_t before_ms, struct err_note *why);

void audit_log_counters(const struct audit_log *log, struct audit_counters *out);

/** Durable rows, newest first: `json` is an object with sequence, time_ms, kind, name, version,
 *  action, effective_ms, actor and reason. `each` returns false to stop. ERR_CORRUPT. */
int audit_log_each(const struct audit_log *log, bool (*each)(void *arg, struct slice json),
		   void *arg, struct err_note *why);

#endif
