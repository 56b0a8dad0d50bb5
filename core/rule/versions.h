/** versions.h - life cycle of the versions of rules (and of plans): which is active.
 *
 *      file found -> PENDING (effective: now) -- effective time --> ENABLED (active)
 *      ENABLED -- another version becomes active --> DISABLED
 *      PENDING | ENABLED -- disable | quarantine --> DISABLED
 *      DISABLED -- enable [at T] --> PENDING (the active one stays until T)
 *
 *  Kept in the store under "r" (rules) or "p" (plans) as JSON; written through commit_batch().
 *  A version that was once active must not change (its hash is kept). `versions_kept` newest are
 *  kept, and always the active one and those that wait for a later time. At most one version of a
 *  name is active. Every move has time, actor and reason, and is a row of the audit log.
 *  Owner: versions_new() result owned. Threads: loop thread.
 */
#ifndef TOCSIN_CORE_RULE_VERSIONS_H
#define TOCSIN_CORE_RULE_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/keyspace.h"

struct audit_log;
struct commit;
struct err_note;
struct kv;
struct versions;

enum { VERSION_NAME_BYTES_MAX = 64 };

#define VERSION_STATE_LIST(X) X(PENDING, "pending") X(ENABLED, "enabled") X(DISABLED, "disabled")
enum version_state {
#define VERSION_ENUM(name, text) VERSION_##name,
	VERSION_STATE_LIST(VERSION_ENUM)
#undef VERSION_ENUM
};

struct version_row {
	uint32_t number;
	enum version_state state;
	bool is_active;      /**< the one that runs */
	bool was_active;     /**< once: its file must not change */
	bool is_quarantined; /**< stopped by the engine, see `reason`; enabling ends it */
	bool is_missing;     /**< its file is gone */
	int64_t first_seen_ms, effective_ms, changed_ms;
	int64_t activated_ms; /**< last time it became active; 0 never */
	char hash[33];
	char type[16];
	char actor[64];
	char reason[200];
};

/** `space` is KEYSPACE_RULE or KEYSPACE_PLAN. Reads what is stored. */
int versions_new(struct versions **out, struct kv *kv, struct commit *commit, enum keyspace space,
		 uint32_t versions_kept, struct err_note *why);
void versions_free(struct versions *versions);
/** From here on every move is a row there as well, in the same commit. Borrowed. */
void versions_audit_to(struct versions *versions, struct audit_log *audit);

/** A file with this version is there (at load). New: PENDING with effective time now, when `number`
 *  is the greatest known; an older number is added DISABLED. ERR_CONFLICT: changed although it was
 *  active once, or another type than earlier versions: the note is the advice to print; nothing is
 *  changed. */
int versions_seen(struct versions *versions, const char *name, uint32_t number, const char *type,
		  const char *hash, int64_t now_ms, struct err_note *why);
/** The same of a file that says from when it may run; a past time means now. A version that waits
 *  already waits for the new time. */
int versions_seen_at(struct versions *versions, const char *name, uint32_t number, const char *type,
		     const char *hash, int64_t effective_ms, int64_t now_ms, struct err_note *why);
/** Begin / end of a load: versions of `name` not seen in between are marked missing. */
void versions_load_begin(struct versions *versions);
void versions_load_end(struct versions *versions, int64_t now_ms);

/** A load that turns out to be impossible is taken back, in the same commit: a snapshot of before
 *  it (owned), and all rows as they were then. */
struct versions_snapshot;
struct versions_snapshot *versions_snapshot(const struct versions *versions);
void versions_rollback(struct versions *versions, const struct versions_snapshot *snapshot);
void versions_snapshot_free(struct versions_snapshot *snapshot); /**< NULL allowed */

/** Pending versions whose time has come become enabled and active. True when anything changed. */
bool versions_advance(struct versions *versions, int64_t now_ms);
/** Next effective time of a pending version, or -1. */
int64_t versions_next_ms(const struct versions *versions);

/** Active version of `name`, or 0. */
uint32_t versions_active(const struct versions *versions, const char *name);
/** The kept version that ran before the one that runs, or ran last; 0: there is none. */
uint32_t versions_previous(const struct versions *versions, const char *name);
/** Borrowed until the next call that changes anything; NULL: not known (any more). */
const struct version_row *versions_find(const struct versions *versions, const char *name,
					uint32_t number);
/** Calls `each` for every version of `name` (NULL: of all), newest first. */
void versions_each(const struct versions *versions, const char *name,
		   void (*each)(void *arg, const char *name, const struct version_row *row),
		   void *arg);

/** Commands. number 0 = the active, else the pending (disable) or the newest (enable) version.
 *  Enabling a past time means now. ERR_NOT_FOUND, ERR_CONFLICT. */
int versions_enable(struct versions *versions, const char *name, uint32_t number, int64_t at_ms,
		    const char *actor, const char *reason, int64_t now_ms, struct err_note *why);
int versions_disable(struct versions *versions, const char *name, uint32_t number,
		     const char *actor, const char *reason, int64_t now_ms, struct err_note *why);
void versions_quarantine(struct versions *versions, const char *name, uint32_t number,
			 const char *reason, int64_t now_ms);
const char *version_state_name(enum version_state state);

#endif
