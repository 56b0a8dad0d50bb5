/** filter_set_internal.h - a set as it is built (filter_set_build.c) and run (filter_set.c).
 *
 *      set ── scope "all rows" ──────┬── entries: their conditions one after the other
 *          │                         ├── index of column 3: value -> bucket -> entries
 *          │                         └── index of column 5 ...
 *          └── scope "success == false" ── likewise, over the rows of that one condition
 *
 *  An entry is a filter that differs from all others; it knows the places of its equals.
 */
#ifndef TOCSIN_CORE_FILTER_FILTER_SET_INTERNAL_H
#define TOCSIN_CORE_FILTER_FILTER_SET_INTERNAL_H

#include <stdbool.h>

#include "core/base/key_table.h"
#include "core/filter/filter_set.h"
#include "core/model/value.h"

struct node;

#define SET_NONE UINT32_MAX

enum {
	SET_SCOPE_ENTRIES_MIN = 8, /**< so many entries must share a condition that leads them */
	SET_INDEX_ENTRIES_MIN = 3, /**< fewer equalities are faster by scanning */
};

/** One condition of an outermost `and`; equal ones of all filters are one. */
struct set_term {
	const struct node *node;
	uint32_t use_count; /**< entries that have it */
	uint32_t memo;      /**< place in the scratch's memos; SET_NONE: one entry has it */
	uint32_t scope;     /**< that it leads, or SET_NONE */
	bool is_cheap;
};

struct set_entry {
	const struct filter *filter; /**< NULL: every reading */
	uint32_t *terms; /**< [term_count] left to be asked, the cheap ones first; owned */
	uint32_t term_count;
	uint32_t *places; /**< [place_count] in the caller's array; owned */
	uint32_t place_count;
	uint32_t guard; /**< the term of its scope, or SET_NONE */
	uint32_t key;   /**< the term by which an index finds it, or SET_NONE */
	uint32_t multi; /**< number among the entries with several buckets, or SET_NONE */
};

/** The entries that want one value. */
struct set_bucket {
	struct value value; /**< borrowed from a node */
	uint32_t *entries;
	uint32_t entry_count;
};

struct set_index {
	uint32_t column;
	uint32_t *entries;
	uint32_t entry_count;
	struct set_bucket *buckets;
	uint32_t bucket_count;
	uint32_t number; /**< among all indexes of the set */
};

struct set_scope {
	uint32_t guard; /**< a memoised cheap term, or SET_NONE: all rows */
	uint32_t *entries;
	uint32_t entry_count;
	struct set_index *indexes;
	uint32_t index_count;
};

struct filter_set {
	struct set_term *terms;
	uint32_t term_count;
	struct set_entry *entries;
	uint32_t entry_count;
	struct set_scope *scopes;
	uint32_t scope_count;
	uint32_t memo_count;
	uint32_t multi_count;
	uint32_t index_count;
	uint32_t scratch_columns; /**< of the filter that needs most */
	uint32_t batch_columns;
	struct key_table names; /**< canonical texts: terms, then entries; only while building */
};

/** Appends `item` to an owned array. */
void set_push(uint32_t **array, uint32_t *count, uint32_t item);

/** The number of values that a key term wants, and one of them. */
uint32_t set_key_count(const struct set_term *term);
struct value set_key_value(const struct set_term *term, uint32_t at);

/** filter_set_index.c: distributes the entries over scopes and indexes. */
void set_distribute(struct filter_set *set);

#endif
