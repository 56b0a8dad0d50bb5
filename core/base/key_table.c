/* A slot is 64 bits: the upper half of the key's hash, and id + 1 (0 = empty). The hash half keeps
 * nearly every false probe inside the slot array. Linear probing, at most 3/4 full.
 *
 *     slots[hash & mask ...]   | hash 63..32 | id + 1 |
 *     hash_by_id[id]           whole hash, for growing
 *     key_by_id[id]            key bytes, in `keys`
 */
#include "core/base/key_table.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/mem.h"
#include "core/base/require.h"

enum { SLOT_COUNT_MIN = 64, SPARSE_RATIO = 8 };

void key_table_init(struct key_table *table, uint64_t seed)
{
	*table = (struct key_table){.seed = seed};
	arena_init(&table->keys);
}

void key_table_deinit(struct key_table *table)
{
	arena_deinit(&table->keys);
	mem_free(table->key_by_id);
	mem_free(table->hash_by_id);
	mem_free(table->slots);
	key_table_init(table, table->seed);
}

/* Takes keys out last in, first out: then every probe chain is as it was when the key came in. */
static void slots_clear_sparse(struct key_table *table)
{
	uint32_t mask = table->slot_count - 1;

	for (uint32_t id = table->count; id-- > 0;) {
		uint32_t at = (uint32_t)table->hash_by_id[id] & mask;

		while ((uint32_t)table->slots[at] != id + 1)
			at = (at + 1) & mask;
		table->slots[at] = 0;
	}
}

void key_table_clear(struct key_table *table)
{
	/* A table that grew in one burst must not cost a full sweep at every bundle after it. */
	if (table->count < table->slot_count / SPARSE_RATIO)
		slots_clear_sparse(table);
	else if (table->slot_count > 0)
		memset(table->slots, 0, table->slot_count * sizeof(*table->slots));
	table->count = 0;
	arena_reset(&table->keys);
}

static uint64_t slot_of(uint64_t hash, uint32_t id)
{
	return (hash & 0xFFFFFFFF00000000u) | (id + 1);
}

/* Position of the key, or of the empty slot where it belongs. */
static uint32_t slot_find(const struct key_table *table, struct slice key, uint64_t hash)
{
	uint32_t mask = table->slot_count - 1;
	uint32_t at = (uint32_t)hash & mask;

	for (;; at = (at + 1) & mask) {
		uint64_t slot = table->slots[at];

		if (slot == 0)
			return at;
		if ((slot ^ hash) >> 32 == 0 &&
		    slice_equal(table->key_by_id[(uint32_t)slot - 1], key))
			return at;
	}
}

static void slots_grow(struct key_table *table)
{
	REQUIRE(table->slot_count < 1u << 31);
	uint32_t slot_count = table->slot_count == 0 ? SLOT_COUNT_MIN : table->slot_count * 2;
	uint32_t mask = slot_count - 1;

	mem_free(table->slots);
	table->slots = mem_alloc_array(slot_count, sizeof(*table->slots));
	table->slot_count = slot_count;
	for (uint32_t id = 0; id < table->count; id++) {
		uint32_t at = (uint32_t)table->hash_by_id[id] & mask;

		while (table->slots[at] != 0)
			at = (at + 1) & mask;
		table->slots[at] = slot_of(table->hash_by_id[id], id);
	}
}

static uint64_t key_hash(const struct key_table *table, struct slice key)
{
	return XXH3_64bits_withSeed(key.data, key.length, table->seed);
}

uint32_t key_table_find(const struct key_table *table, struct slice key)
{
	if (table->count == 0)
		return KEY_TABLE_NONE;
	uint64_t slot = table->slots[slot_find(table, key, key_hash(table, key))];
	return slot == 0 ? KEY_TABLE_NONE : (uint32_t)slot - 1;
}

static uint32_t key_add(struct key_table *table, struct slice key, uint64_t hash)
{
	uint32_t id = table->count++;

	if (id == table->id_capacity) {
		table->id_capacity = id == 0 ? SLOT_COUNT_MIN : id * 2;
		table->key_by_id =
			mem_grow(table->key_by_id, table->id_capacity, sizeof(*table->key_by_id));
		table->hash_by_id =
			mem_grow(table->hash_by_id, table->id_capacity, sizeof(*table->hash_by_id));
	}
	table->key_by_id[id].data = arena_copy(&table->keys, key.data, key.length);
	table->key_by_id[id].length = key.length;
	table->hash_by_id[id] = hash;
	return id;
}

uint32_t key_table_put(struct key_table *table, struct slice key, bool *is_new)
{
	if (table->count >= table->slot_count / 4 * 3)
		slots_grow(table);
	uint64_t hash = key_hash(table, key);
	uint32_t at = slot_find(table, key, hash);

	*is_new = table->slots[at] == 0;
	if (*is_new)
		table->slots[at] = slot_of(hash, key_add(table, key, hash));
	return (uint32_t)table->slots[at] - 1;
}

struct slice key_table_key(const struct key_table *table, uint32_t id)
{
	REQUIRE(id < table->count);
	return table->key_by_id[id];
}
