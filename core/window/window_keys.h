/** window_keys.h - the keys of one window: bytes to a record that stays where it is.
 *
 *      slots     | hash 31..0 | ref + 1 |                     linear probing, at most 3/4 full
 *      records   | struct window_key | key, padded to 8 | next record ...        ref = offset / 8
 *
 *  A key is removed alone: its slot is closed up (half of the hash is in the slot, so no record is
 *  touched for it), its record waits for a key of the same length.
 *  Owner: window_keys_init() caller's memory. A ref is good until its key is removed, a pointer
 *  until the next put. Threads: one at a time. Limits: 2^31 keys of WINDOW_KEY_BYTES_MAX,
 *  32 GiB of records.
 */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_KEYS_H
#define TOCSIN_CORE_WINDOW_WINDOW_KEYS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/dimension.h"
#include "core/window/pane_list.h"

#define WINDOW_KEY_NONE UINT32_MAX

/** What dimension.h can make of its fields: type, length and text of each. */
enum { WINDOW_KEY_BYTES_MAX = DIMENSION_FIELDS_MAX * (1 + 2 + DIMENSION_VALUE_BYTES_MAX) };

struct window_key {
	struct pane_list panes; /**< empty: the record is free */
	uint32_t hash;          /**< lower half */
	uint32_t firing_visit;  /**< == window's visit: marked for this walk */
	uint32_t seen_visit;    /**< == window's visit: this walk was here */
	uint16_t key_bytes;
	uint8_t size; /**< the block of `panes` has 2^size places */
	char key[];
};

static_assert(sizeof(struct window_key) == 32, "keys are kept by the million");
static_assert(offsetof(struct window_key, key) == 31, "the key begins in the padding");

struct window_keys {
	uint64_t *slots;
	uint32_t slot_count;
	uint32_t count;
	char *records;
	size_t record_bytes; /**< in use, free records too */
	size_t record_capacity;
	size_t live_bytes;   /**< of records that are not free */
	uint32_t *free_refs; /**< [record length / 8]: ref + 1 of the first free one, 0: none */
};

void window_keys_init(struct window_keys *keys);
void window_keys_deinit(struct window_keys *keys); /**< the panes' blocks are the caller's */

uint32_t window_keys_find(const struct window_keys *keys, uint32_t hash, struct slice key);
/** A new key, that is not there yet. Its list is empty, and must not stay so. */
uint32_t window_keys_add(struct window_keys *keys, uint32_t hash, struct slice key);
void window_keys_remove(struct window_keys *keys, uint32_t ref);

static inline struct window_key *window_keys_at(const struct window_keys *keys, uint32_t ref)
{
	return (struct window_key *)(void *)(keys->records + (size_t)ref * 8);
}

static inline struct slice window_keys_bytes(const struct window_key *key)
{
	return (struct slice){key->key, key->key_bytes};
}

/** Walks all records, free ones too: *at starts as 0; NULL at the end. */
struct window_key *window_keys_next(const struct window_keys *keys, size_t *at);

static inline uint32_t window_keys_ref(const struct window_keys *keys, const struct window_key *key)
{
	return (uint32_t)((size_t)((const char *)key - keys->records) / 8);
}

/** Brings what a find reads first, and then what it reads next, nearer. */
static inline void window_keys_prefetch_slot(const struct window_keys *keys, uint32_t hash)
{
	__builtin_prefetch(&keys->slots[hash & (keys->slot_count - 1)]);
}
/** The ref that is probably the one, or WINDOW_KEY_NONE. */
uint32_t window_keys_guess(const struct window_keys *keys, uint32_t hash);

uint64_t window_keys_memory_bytes(const struct window_keys *keys);

#endif
