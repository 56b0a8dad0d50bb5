#include "core/window/group_table.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"

enum { SLOTS_MIN = 16, RECORDS_BYTES_MIN = 512, SPARSE_RATIO = 8, AHEAD = 32 };

void group_table_init(struct group_table *table, const struct cell_layout *layout, uint64_t seed)
{
	/* Seeds may be neighbours; factors must differ in all their bits. */
	*table = (struct group_table){
		.cells_bytes = layout->bytes,
		.layout = layout,
		.seed = seed,
		.factor = hash_fold(seed ^ 0x8EBC6AF09C88C6E3u, 0x589965CC75374CC3u) | 1,
	};
}

static void release_all(struct group_table *table)
{
	if (!table->layout->has_heap)
		return;
	for (size_t at = 0; at < table->record_bytes;) {
		struct group *group = group_table_at(table, at);

		cells_release(table->layout, group->aggregates, &table->heap_bytes);
		at += group->record_bytes;
	}
}

void group_table_deinit(struct group_table *table)
{
	release_all(table);
	mem_free(table->slots);
	mem_free(table->records);
	group_table_init(table, table->layout, table->seed);
}

static size_t record_of(uint64_t slot)
{
	return ((size_t)(uint32_t)slot - 1) * 8;
}

static uint64_t slot_of(uint64_t hash, size_t record)
{
	return (hash & 0xFFFFFFFF00000000u) | (record / 8 + 1);
}

/* The slot of the group, or the empty one where it belongs. */
static uint32_t slot_find(const struct group_table *table, uint64_t hash, int64_t start_ms,
			  struct slice key)
{
	uint32_t mask = table->slot_count - 1;
	uint32_t at = (uint32_t)hash & mask;

	for (;; at = (at + 1) & mask) {
		uint64_t slot = table->slots[at];

		if (slot == 0)
			return at;
		if ((slot ^ hash) >> 32 != 0)
			continue;
		const struct group *group = group_table_at(table, record_of(slot));
		if (group->start_ms == start_ms && slice_equal(group_key(table, group), key))
			return at;
	}
}

static uint64_t hash_of(const struct group_table *table, const struct group *group)
{
	return group_hash(table, group->key_hash, group->start_ms);
}

/* Every record into slots that are empty; `ahead` brings their memory near in time. */
static void slots_fill(struct group_table *table)
{
	uint32_t mask = table->slot_count - 1;
	size_t at = 0, ahead = 0;
	const struct group *group;

	for (uint32_t i = 0; i < AHEAD && (group = group_table_next(table, &ahead)) != NULL; i++)
		group_table_fetch_slot(table, hash_of(table, group));
	while (at < table->record_bytes) {
		size_t place = at;
		uint64_t hash = hash_of(table, group_table_next(table, &at));
		uint32_t slot = (uint32_t)hash & mask;

		group = group_table_next(table, &ahead);
		if (group != NULL)
			group_table_fetch_slot(table, hash_of(table, group));
		while (table->slots[slot] != 0)
			slot = (slot + 1) & mask;
		table->slots[slot] = slot_of(hash, place);
	}
}

static void slots_grow(struct group_table *table)
{
	REQUIRE(table->slot_count < 1u << 31);
	table->slot_count = table->slot_count == 0 ? SLOTS_MIN : table->slot_count * 2;
	mem_free(table->slots);
	table->slots = mem_alloc_array(table->slot_count, sizeof(*table->slots));
	slots_fill(table);
}

/* A table that grew in one burst must not cost a full sweep at every clear after it. */
static void slots_empty(struct group_table *table)
{
	uint32_t mask = table->slot_count - 1;

	if (table->count >= table->slot_count / SPARSE_RATIO) {
		if (table->slot_count > 0)
			memset(table->slots, 0, table->slot_count * sizeof(*table->slots));
		return;
	}
	for (size_t at = 0; at < table->record_bytes;) {
		const struct group *group = group_table_at(table, at);
		uint32_t slot = (uint32_t)hash_of(table, group) & mask;

		/* Its own slot is somewhere in the run, which ends at a slot emptied before. */
		for (; table->slots[slot] != 0; slot = (slot + 1) & mask)
			table->slots[slot] = 0;
		at += group->record_bytes;
	}
}

void group_table_clear(struct group_table *table)
{
	slots_empty(table);
	release_all(table);
	table->count = 0;
	table->record_bytes = 0;
}

static size_t padded(size_t length)
{
	return (length + 7) / 8 * 8;
}

static struct group *record_add(struct group_table *table, uint64_t key_hash, int64_t start_ms,
				struct slice key)
{
	size_t head = sizeof(struct group) + table->cells_bytes;
	size_t bytes = head + padded(key.length);
	size_t needed = table->record_bytes + bytes;

	if (needed > table->record_capacity) {
		size_t capacity = table->record_capacity + table->record_capacity / 2;

		if (capacity < RECORDS_BYTES_MIN)
			capacity = RECORDS_BYTES_MIN;
		table->record_capacity = padded(capacity < needed ? needed : capacity);
		table->records = mem_grow(table->records, table->record_capacity, 1);
	}
	struct group *group = group_table_at(table, table->record_bytes);
	*group = (struct group){key_hash, start_ms, (uint32_t)key.length, (uint32_t)bytes};
	memset(group->aggregates, 0, table->cells_bytes);
	if (key.length > 0)
		memcpy((char *)group->aggregates + table->cells_bytes, key.data, key.length);
	table->record_bytes = needed;
	table->count++;
	return group;
}

struct group *group_table_put(struct group_table *table, uint64_t key_hash, int64_t start_ms,
			      struct slice key)
{
	uint64_t hash = group_hash(table, key_hash, start_ms);

	if (table->count >= table->slot_count / 4 * 3)
		slots_grow(table);
	uint32_t slot = slot_find(table, hash, start_ms, key);

	if (table->slots[slot] != 0)
		return group_table_at(table, record_of(table->slots[slot]));
	table->slots[slot] = slot_of(hash, table->record_bytes);
	return record_add(table, key_hash, start_ms, key);
}

const struct group *group_table_find(const struct group_table *table, int64_t start_ms,
				     struct slice key)
{
	uint64_t key_hash = group_key_hash(table->seed, key);

	if (table->count == 0)
		return NULL;
	uint64_t slot = table->slots[slot_find(table, group_hash(table, key_hash, start_ms),
					       start_ms, key)];

	return slot == 0 ? NULL : group_table_at(table, record_of(slot));
}

void group_table_forget_before(struct group_table *table, int64_t before_ms)
{
	size_t kept = 0;
	uint32_t count = 0;

	slots_empty(table);
	for (size_t at = 0; at < table->record_bytes;) {
		struct group *group = group_table_at(table, at);
		size_t bytes = group->record_bytes;

		if (group->start_ms >= before_ms) {
			memmove(table->records + kept, group, bytes);
			kept += bytes;
			count++;
		} else {
			cells_release(table->layout, group->aggregates, &table->heap_bytes);
		}
		at += bytes;
	}
	table->record_bytes = kept;
	table->count = count;
	if (table->slot_count > 0)
		slots_fill(table);
}

size_t group_table_memory_bytes(const struct group_table *table)
{
	return table->slot_count * sizeof(*table->slots) + table->record_capacity +
	       table->heap_bytes;
}
