/** pointer_map.h - byte strings to things that somebody else owns, and can be forgotten again.
 *  key_table.h cannot forget one key: removed ones are dead until a rebuild, so the map never holds
 *  more than twice its live entries (and POINTER_MAP_SPARE).
 *  Owner: pointer_map_init() caller's memory. Adding and removing end a walk.
 */
#ifndef TOCSIN_CORE_BASE_POINTER_MAP_H
#define TOCSIN_CORE_BASE_POINTER_MAP_H

#include <stdint.h>

#include "core/base/key_table.h"

enum { POINTER_MAP_SPARE = 1024 };

struct pointer_map {
	struct key_table keys;
	void **items; /**< by id; NULL: dead */
	uint32_t capacity;
	uint32_t count; /**< live */
};

void pointer_map_init(struct pointer_map *map, uint64_t seed);
void pointer_map_deinit(struct pointer_map *map);
void *pointer_map_find(const struct pointer_map *map, struct slice key); /**< or NULL */
void pointer_map_put(struct pointer_map *map, struct slice key, void *item);
void pointer_map_remove(struct pointer_map *map, struct slice key);
/** Walks: `*at` begins at 0; NULL at the end. */
void *pointer_map_next(const struct pointer_map *map, uint32_t *at);

#endif
