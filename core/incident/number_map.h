/** number_map.h - text to incident number: which incident has this key, which one holds this alert.
 *  Owner: number_map_init() caller's memory. Number 0 means "not there".
 *  key_table.h cannot forget one key, so removed entries are dead until a rebuild; the map never
 *  holds more than twice its live entries (and NUMBER_MAP_SPARE).
 */
#ifndef TOCSIN_CORE_INCIDENT_NUMBER_MAP_H
#define TOCSIN_CORE_INCIDENT_NUMBER_MAP_H

#include <stdint.h>

#include "core/base/key_table.h"

enum { NUMBER_MAP_SPARE = 1024 };

struct number_map {
	struct key_table table;
	uint64_t *numbers; /**< by id of the table */
	uint32_t capacity;
	uint32_t live_count;
};

void number_map_init(struct number_map *map, uint64_t seed);
void number_map_deinit(struct number_map *map);
uint64_t number_map_find(const struct number_map *map, const char *text);
void number_map_put(struct number_map *map, const char *text, uint64_t number);
/** Forgets the text if it still means `number`. */
void number_map_remove(struct number_map *map, const char *text, uint64_t number);

#endif
