#include "core/incident/number_map.h"

#include "core/base/mem.h"

void number_map_init(struct number_map *map, uint64_t seed)
{
	*map = (struct number_map){0};
	key_table_init(&map->table, seed);
}

void number_map_deinit(struct number_map *map)
{
	key_table_deinit(&map->table);
	mem_free(map->numbers);
}

uint64_t number_map_find(const struct number_map *map, const char *text)
{
	uint32_t id = key_table_find(&map->table, slice_of(text));
	return id == KEY_TABLE_NONE ? 0 : map->numbers[id];
}

static void put(struct number_map *map, struct slice text, uint64_t number)
{
	bool is_new;
	uint32_t id = key_table_put(&map->table, text, &is_new);
	if (id >= map->capacity) {
		map->capacity = map->capacity == 0 ? 64 : map->capacity * 2;
		map->numbers = mem_grow(map->numbers, map->capacity, sizeof(*map->numbers));
	}
	if (is_new || map->numbers[id] == 0)
		map->live_count++;
	map->numbers[id] = number;
}

static void rebuild(struct number_map *map)
{
	struct number_map fresh;
	number_map_init(&fresh, map->table.seed);
	for (uint32_t id = 0; id < map->table.count; id++) {
		if (map->numbers[id] != 0)
			put(&fresh, key_table_key(&map->table, id), map->numbers[id]);
	}
	number_map_deinit(map);
	*map = fresh;
}

void number_map_put(struct number_map *map, const char *text, uint64_t number)
{
	if (map->table.count > map->live_count * 2 + NUMBER_MAP_SPARE)
		rebuild(map);
	put(map, slice_of(text), number);
}

void number_map_remove(struct number_map *map, const char *text, uint64_t number)
{
	uint32_t id = key_table_find(&map->table, slice_of(text));
	if (id == KEY_TABLE_NONE || map->numbers[id] != number)
		return;
	map->numbers[id] = 0;
	map->live_count--;
}
