#include "core/window/window_keys.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"

enum { SLOTS_MIN = 16, RECORDS_BYTES_MIN = 512 };

void window_keys_init(struct window_keys *keys)
{
	*keys = (struct window_keys){0};
}

void window_keys_deinit(struct window_keys *keys)
{
	mem_free(keys->slots);
	mem_free(keys->records);
	mem_free(keys->free_refs);
	window_keys_init(keys);
}

static size_t record_bytes(size_t key_bytes)
{
	return (offsetof(struct window_key, key) + key_bytes + 7) / 8 * 8;
}

static uint32_t hash_of(uint64_t slot)
{
	return (uint32_t)(slot >> 32);
}

static uint64_t slot_of(uint32_t hash, uint32_t ref)
{
	return (uint64_t)hash << 32 | (ref + 1);
}

static bool is_key(const struct window_keys *keys, uint32_t ref, struct slice key)
{
	return slice_equal(window_keys_bytes(window_keys_at(keys, ref)), key);
}

/* The first key of the hash; of those, the one that is `key` unless that is NULL. */
static inline uint32_t probe(const struct window_keys *keys, uint32_t hash, const struct slice *key)
{
	uint32_t mask = keys->slot_count - 1;

	if (keys->count == 0)
		return WINDOW_KEY_NONE;
	for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
		uint64_t slot = keys->slots[at];

		if (slot == 0)
			return WINDOW_KEY_NONE;
		if (hash_of(slot) == hash &&
		    (key == NULL || is_key(keys, (uint32_t)slot - 1, *key)))
			return (uint32_t)slot - 1;
	}
}

uint32_t window_keys_find(const struct window_keys *keys, uint32_t hash, struct slice key)
{
	return probe(keys, hash, &key);
}

uint32_t window_keys_guess(const struct window_keys *keys, uint32_t hash)
{
	return probe(keys, hash, NULL);
}

static void put_slot(struct window_keys *keys, uint64_t slot)
{
	uint32_t mask = keys->slot_count - 1;
	uint32_t at = hash_of(slot) & mask;

	while (keys->slots[at] != 0)
		at = (at + 1) & mask;
	keys->slots[at] = slot;
}

static void grow_slots(struct window_keys *keys)
{
	uint64_t *old = keys->slots;
	uint32_t old_count = keys->slot_count;

	REQUIRE(old_count < 1u << 31);
	keys->slot_count = old_count == 0 ? SLOTS_MIN : old_count * 2;
	keys->slots = mem_alloc_array(keys->slot_count, sizeof(*keys->slots));
	for (uint32_t i = 0; i < old_count; i++)
		if (old[i] != 0)
			put_slot(keys, old[i]);
	mem_free(old);
}

static uint32_t take_record(struct window_keys *keys, size_t bytes)
{
	size_t at = keys->record_bytes;

	keys->live_bytes += bytes;
	if (keys->free_refs != NULL && keys->free_refs[bytes / 8] != 0) {
		uint32_t ref = keys->free_refs[bytes / 8] - 1;

		keys->free_refs[bytes / 8] = window_keys_at(keys, ref)->hash;
		return ref;
	}
	if (at + bytes > keys->record_capacity) {
		size_t capacity = keys->record_capacity + keys->record_capacity / 2;

		if (capacity < RECORDS_BYTES_MIN)
			capacity = RECORDS_BYTES_MIN;
		if (capacity < at + bytes)
			capacity = at + bytes;
		keys->record_capacity = (capacity + 7) / 8 * 8;
		keys->records = mem_grow(keys->records, keys->record_capacity, 1);
	}
	REQUIRE(at / 8 < UINT32_MAX - 1);
	keys->record_bytes += bytes;
	return (uint32_t)(at / 8);
}

uint32_t window_keys_add(struct window_keys *keys, uint32_t hash, struct slice key)
{
	struct window_key *record;
	uint32_t ref;

	REQUIRE(key.length <= WINDOW_KEY_BYTES_MAX);
	if (keys->count >= keys->slot_count / 4 * 3)
		grow_slots(keys);
	ref = take_record(keys, record_bytes(key.length));
	record = window_keys_at(keys, ref);
	memset(record, 0, offsetof(struct window_key, key));
	record->hash = hash;
	record->key_bytes = (uint16_t)key.length;
	if (key.length > 0)
		memcpy(record->key, key.data, key.length);
	put_slot(keys, slot_of(hash, ref));
	keys->count++;
	return ref;
}

/* Those behind the gap that would be searched for before it move up; no probe chain is broken. */
static void close_slot(struct window_keys *keys, uint32_t gap)
{
	uint32_t mask = keys->slot_count - 1;

	for (uint32_t at = (gap + 1) & mask; keys->slots[at] != 0; at = (at + 1) & mask) {
		uint32_t home = hash_of(keys->slots[at]) & mask;

		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		keys->slots[gap] = keys->slots[at];
		gap = at;
	}
	keys->slots[gap] = 0;
}

void window_keys_remove(struct window_keys *keys, uint32_t ref)
{
	struct window_key *record = window_keys_at(keys, ref);
	size_t bytes = record_bytes(record->key_bytes);
	uint32_t mask = keys->slot_count - 1;
	uint32_t at = record->hash & mask;

	while ((uint32_t)keys->slots[at] != ref + 1)
		at = (at + 1) & mask;
	close_slot(keys, at);
	if (keys->free_refs == NULL)
		keys->free_refs = mem_alloc_array(record_bytes(WINDOW_KEY_BYTES_MAX) / 8 + 1,
						  sizeof(*keys->free_refs));
	record->hash = keys->free_refs[bytes / 8];
	keys->free_refs[bytes / 8] = ref + 1;
	keys->live_bytes -= bytes;
	keys->count--;
}

struct window_key *window_keys_next(const struct window_keys *keys, size_t *at)
{
	struct window_key *key;

	if (*at >= keys->record_bytes)
		return NULL;
	key = (struct window_key *)(void *)(keys->records + *at);
	*at += record_bytes(key->key_bytes);
	return key;
}

uint64_t window_keys_memory_bytes(const struct window_keys *keys)
{
	return keys->slot_count * sizeof(*keys->slots) + keys->record_capacity +
	       (keys->free_refs != NULL ? (record_bytes(WINDOW_KEY_BYTES_MAX) / 8 + 1) * 4u : 0);
}
