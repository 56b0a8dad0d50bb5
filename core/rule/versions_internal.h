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
	struct version_name *names; /**< sorted by name */
	uint32_t name_count;
};

/** The name's rows, added empty when new. Borrowed until the next call. */
struct version_name *versions_add_name(struct versions *versions, const char *name);
struct version_entry *version_name_insert(struct version_name *name, uint32_t number);

/** Reads every name from the store. */
int versions_restore(struct versions *versions, struct err_note *why);
/** Puts the name's rows (or their end, when there are none) into the gathering batch. */
void versions_persist(const struct versions *versions, const struct version_name *name);

#endif
