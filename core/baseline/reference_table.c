#include "core/baseline/reference_table.h"

#include "core/base/mem.h"

void reference_table_init(struct reference_table *table, uint64_t seed)
{
	*table = (struct reference_table){.capacity = 0};
	key_table_init(&table->keys, seed);
}

void reference_table_deinit(struct reference_table *table)
{
	key_table_deinit(&table->keys);
	mem_free(table->values);
}

void reference_table_clear(struct reference_table *table)
{
	key_table_clear(&table->keys);
}

void reference_table_add(struct reference_table *table, struct slice key, double value,
			 double samples)
{
	bool is_new;
	uint32_t id = key_table_put(&table->keys, key, &is_new);
	struct reference_value *known;

	if (id >= table->capacity) {
		table->capacity = table->capacity == 0 ? 16 : 2 * table->capacity;
		table->values = mem_grow(table->values, table->capacity, sizeof(*table->values));
	}
	known = &table->values[id];
	if (is_new)
		*known = (struct reference_value){.days = 0};
	known->value_sum += value;
	known->sample_sum += samples;
	known->days++;
}

struct reference_value reference_table_get(const struct reference_table *table, struct slice key)
{
	uint32_t id = key_table_find(&table->keys, key);

	return id != KEY_TABLE_NONE ? table->values[id] : (struct reference_value){.days = 0};
}
