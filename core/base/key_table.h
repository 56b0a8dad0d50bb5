/** key_table.h - byte strings to dense ids 0, 1, 2 …: the hash table under deltas and windows.
 *
 *  Values live with the caller in arrays indexed by id, so the table stays small and flat.
 *  Open addressing, XXH3 hash, seeded per table (a client cannot choose colliding keys).
 *  Owner: key_table_init() caller's memory. Keys are copied and borrowed until clear/deinit.
 *  No deletion of one key: owners that expire keys rebuild (see core/window/window.c).
 */
#ifndef TOCSIN_CORE_BASE_KEY_TABLE_H
#define TOCSIN_CORE_BASE_KEY_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"

#define KEY_TABLE_NONE UINT32_MAX

struct key_table {
	struct arena keys;
	struct slice *key_by_id;
	uint64_t *hash_by_id;
	uint64_t *slots; /**< upper half of the hash, id + 1; 0 = empty */
	uint32_t slot_count;
	uint32_t count;
	uint32_t id_capacity;
	uint64_t seed;
};

void key_table_init(struct key_table *table, uint64_t seed);
void key_table_deinit(struct key_table *table);
void key_table_clear(struct key_table *table);                            /**< keeps its memory */
uint32_t key_table_find(const struct key_table *table, struct slice key); /**< or KEY_TABLE_NONE */
uint32_t key_table_put(struct key_table *table, struct slice key, bool *is_new);
struct slice key_table_key(const struct key_table *table, uint32_t id);

#endif
