#include "core/base/pointer_map.h"

#include "core/base/mem.h"

void pointer_map_init(struct pointer_map *map, uint64_t seed)
{
	*map = (struct pointer_map){0};
	key_table_init(&map->keys, seed);
}

void pointer_map_deinit(struct pointer_map *map)
{
	key_table_deinit(&map->keys);
	mem_free(map->items);
	*map = (struct pointer_map){0};
}

void *pointer_map_find(const struct pointer_map *map, struct slice key)
{
	uint32_t id = key_table_find(&map->keys, key);

	return id == KEY_TABLE_NONE ? NULL : map->items[id];
}

static void put(struct pointer_map *map, struct slice key, void *item)
{
	bool is_new;
	uint32_t id = key_table_put(&map->keys, key, &is_new);

	if (id >= map->capacity) {
		map->capacity = map->capacity == 0 ? 64 : 2 * map->capacity;
		map->items = mem_grow(map->items, map->capacity, sizeof(*map->items));
	}
	if (is_new || map->items[id] == NULL)
		map->count++;
	map->items[id] = item;
}

static void rebuild(struct pointer_map *map)
{
	struct pointer_map fresh;

	pointer_map_init(&fresh, map->keys.seed);
	for (uint32_t id = 0; id < map->keys.count; id++)
		if (map->items[id] != NULL)
			put(&fresh, key_table_key(&map->keys, id), map->items[id]);
	pointer_map_deinit(map);
	*map = fresh;
}

void pointer_map_put(struct pointer_map *map, struct slice key, void *item)
{
	if (map->keys.count > 2 * map->count + POINTER_MAP_SPARE)
		rebuild(map);
	put(map, key, item);
}

void pointer_map_remove(struct pointer_map *map, struct slice key)
{
	uint32_t id = key_table_find(&map->keys, key);

	if (id == KEY_TABLE_NONE || map->items[id] == NULL)
		return;
	map->items[id] = NULL;
	map->count--;
}

void *pointer_map_next(const struct pointer_map *map, uint32_t *at)
{
	while (*at < map->keys.count) {
		void *item = map->items[(*at)++];

		if (item != NULL)
			return item;
	}
	return NULL;
}
