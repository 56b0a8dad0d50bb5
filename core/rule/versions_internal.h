/** versions_internal.h - the table of names and rows, shared by versions.c and versions_store.c. */
#ifndef TOCSIN_CORE_RULE_VERSIONS_INTERNAL_H
#define TOCSIN_CORE_RULE_VERSIONS_INTERNAL_H

#include "core/rule/versions.h"

struct version_entry {
	struct version_row row;
	bool is_seen; /**< since versions_load_begin() */
};

struct version_name {
	char *name;
	struct version_entry *entries; /**< newest first */
	uint32_t entry_count;
};

struct versions {
	struct kv *kv;
	struct commit *commit;
	enum keyspace space;
	uint32_t versions_kept;
	struct audit_log *audit;    /**< or NULL */
	struct version_name *names; /**< sorted by name */
	uint32_t name_count;
};

/** What the audit log calls a move. */
#define VERSION_MOVE_LIST(X)                                                                       \
	X(ADDED, "added")                                                                          \
	X(CHANGED, "changed")                                                                      \
	X(ENABLED, "enabled")                                                                      \
	X(ACTIVATED, "activated")                                                                  \
	X(REPLACED, "replaced")                                                                    \
	X(DISABLED, "disabled")                                                                    \
	X(QUARANTINED, "quarantined")                                                              \
	X(MISSING, "missing")                                                                      \
	X(RETURNED, "returned")                                                                    \
	X(DROPPED, "dropped")
enum version_move {
#define VERSION_MOVE_ENUM(name, text) VERSION_MOVED_##name,
	VERSION_MOVE_LIST(VERSION_MOVE_ENUM)
#undef VERSION_MOVE_ENUM
};

/** The name's rows, added empty when new. Borrowed until the next call. */
struct version_name *versions_add_name(struct versions *versions, const char *name);
struct version_entry *version_name_insert(struct version_name *name, uint32_t number);

struct version_name *versions_find_name(const struct versions *versions, const char *name);
struct version_entry *version_name_find(const struct version_name *name, uint32_t number);
struct version_entry *version_name_active(const struct version_name *name);
void version_set_reason(struct version_row *row, const char *actor, const char *reason,
			int64_t now_ms);

/** A row in the audit log, in the commit of the move; `actor` and `reason` may differ from those
 *  that the row keeps. */
void versions_audit(const struct versions *versions, const char *name,
		    const struct version_row *row, enum version_move move, const char *actor,
		    const char *reason, int64_t now_ms);

/** Reads every name from the store. */
int versions_restore(struct versions *versions, struct err_note *why);
/** Puts the name's rows (or their end, when there are none) into the gathering batch. */
void versions_persist(const struct versions *versions, const struct version_name *name);

#endif
