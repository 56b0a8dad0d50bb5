/** group_table.h - (pane start, dimension key) -> cells: what a bundle carries.
 *
 *      slots     | hash 63..32 | place of the record / 8 + 1 |    linear probing, at most 3/4 full
 *      records   | struct group | cells (core/model/cells.h) | key, padded to 8 | next record ...
 *
 *  Flat: while there is room a new group allocates nothing, and a group costs two places of memory
 *  (its slot, its record). Groups are walked in the order in which they came.
 *  Whoever has many groups to find does it in three passes over a batch, so that the misses of the
 *  cache overlap: group_table_fetch_slot(), group_table_guess(), and the record itself.
 *  Hashes are seeded (a client cannot choose colliding keys): a key's by group_key_hash(), so that
 *  it serves every table of the seed; a group's folds the pane's start into it.
 *  Owner: group_table_init() caller's memory. A group is borrowed until the next put, clear or
 *  forget. Threads: one at a time. Limits: 2^31 groups, 32 GiB of records.
 */
#ifndef TOCSIN_CORE_WINDOW_GROUP_TABLE_H
#define TOCSIN_CORE_WINDOW_GROUP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/cells.h"
#include "core/model/dimension_hash.h"

#define GROUP_NONE SIZE_MAX

struct group {
	uint64_t key_hash; /**< group_key_hash() of the key with the table's seed */
	/** Of its pane, and in a bundle what its readings are marked with (core/ingest/bundle.h):
	 *  less than a pane. */
	int64_t start_ms;
	uint32_t key_bytes;
	uint32_t record_bytes;         /**< with key and padding: the next record follows */
	struct aggregate aggregates[]; /**< and extras: the cells */
};

struct group_table {
	uint64_t *slots;
	uint32_t slot_count;
	uint32_t count;
	char *records;
	size_t record_bytes; /**< in use */
	size_t record_capacity;
	uint32_t cells_bytes; /**< of a group */
	const struct cell_layout *layout;
	size_t heap_bytes; /**< of the groups' sketches */
	uint64_t seed;
	uint64_t factor; /**< of group_hash(), made of the seed */
};

/** The layout is borrowed. */
void group_table_init(struct group_table *table, const struct cell_layout *layout, uint64_t seed);
void group_table_deinit(struct group_table *table);
void group_table_clear(struct group_table *table); /**< keeps its memory */

/** Of a key's bytes; made of its fields' hashes (dimension_hash.h). */
static inline uint64_t group_key_hash(uint64_t seed, struct slice key)
{
	return dimension_hash(seed, key);
}

/** Folded with a secret factor: also times can be chosen by a client. */
static inline uint64_t group_hash(const struct group_table *table, uint64_t key_hash,
				  int64_t start_ms)
{
	return hash_fold(key_hash ^ (uint64_t)start_ms * 0x9E3779B97F4A7C15u, table->factor);
}

/** The group, made with empty cells when it is not there. */
struct group *group_table_put(struct group_table *table, uint64_t key_hash, int64_t start_ms,
			      struct slice key);
/** NULL: not there. */
const struct group *group_table_find(const struct group_table *table, int64_t start_ms,
				     struct slice key);

/** The memory where the slot of a group_hash() is will be wanted soon. */
static inline void group_table_fetch_slot(const struct group_table *table, uint64_t hash)
{
	if (table->slot_count > 0)
		__builtin_prefetch(&table->slots[(uint32_t)hash & (table->slot_count - 1)]);
}

/** Place of the first record whose group_hash() agrees in its upper half; it is very likely the
 *  group, when that is there at all. GROUP_NONE: it is not there. */
static inline size_t group_table_guess(const struct group_table *table, uint64_t hash)
{
	uint32_t mask = table->slot_count - 1;

	if (table->slot_count == 0)
		return GROUP_NONE;
	for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
		uint64_t slot = table->slots[at];

		if (slot == 0)
			return GROUP_NONE;
		if ((slot ^ hash) >> 32 == 0)
			return ((size_t)(uint32_t)slot - 1) * 8;
	}
}

/** `place` is that of a record; places stay as they are until clear and forget. */
static inline struct group *group_table_at(const struct group_table *table, size_t place)
{
	return (struct group *)(void *)(table->records + place);
}

/** Walks all groups: *at starts as 0; NULL at the end. */
static inline const struct group *group_table_next(const struct group_table *table, size_t *at)
{
	const struct group *group;

	if (*at >= table->record_bytes)
		return NULL;
	group = (const struct group *)(const void *)(table->records + *at);
	*at += group->record_bytes;
	return group;
}

static inline struct slice group_key(const struct group_table *table, const struct group *group)
{
	return (struct slice){(const char *)group->aggregates + table->cells_bytes,
			      group->key_bytes};
}

/** Forgets the groups of panes that start before `before_ms`; the others keep their order. */
void group_table_forget_before(struct group_table *table, int64_t before_ms);

size_t group_table_memory_bytes(const struct group_table *table);

#endif
