#include "core/lookup/key_filter.h"

#include "core/base/key_table.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/lookup/lookup.h"
#include "core/model/dimension.h"

struct value_set {
	bool is_given;
	struct key_table texts;
};

struct key_filter {
	struct value_set sets[2][DIMENSION_FIELDS_MAX]; /* [is_exclude] */
};

/** The lists come from files of the operator: their hashes need no secret. */
enum { LIST_SEED = 0x70C51 };

struct key_filter *key_filter_new(void)
{
	return mem_alloc(sizeof(struct key_filter));
}

void key_filter_free(struct key_filter *filter)
{
	if (filter == NULL)
		return;
	for (unsigned side = 0; side < 2; side++)
		for (uint32_t i = 0; i < DIMENSION_FIELDS_MAX; i++)
			if (filter->sets[side][i].is_given)
				key_table_deinit(&filter->sets[side][i].texts);
	mem_free(filter);
}

static struct value_set *set_of(struct key_filter *filter, bool is_exclude, uint32_t field)
{
	struct value_set *set;

	REQUIRE(field < DIMENSION_FIELDS_MAX);
	set = &filter->sets[is_exclude][field];
	if (!set->is_given)
		key_table_init(&set->texts, LIST_SEED);
	set->is_given = true;
	return set;
}

void key_filter_begin(struct key_filter *filter, bool is_exclude, uint32_t field)
{
	set_of(filter, is_exclude, field);
}

void key_filter_add(struct key_filter *filter, bool is_exclude, uint32_t field, struct slice text)
{
	bool is_new;

	key_table_put(&set_of(filter, is_exclude, field)->texts, text, &is_new);
}

void key_filter_add_column(struct key_filter *filter, bool is_exclude, uint32_t field,
			   const struct lookup *lookup, uint32_t column)
{
	key_filter_begin(filter, is_exclude, field);
	for (uint32_t row = 0; row < lookup_row_count(lookup); row++)
		key_filter_add(filter, is_exclude, field, lookup_cell(lookup, row, column));
}

static bool has(const struct value_set *set, const struct value *value)
{
	struct bytes text = BYTES_EMPTY;
	bool is_there;

	if (value->type == VALUE_STRING)
		return key_table_find(&set->texts, (struct slice){value->as.text, value->length}) !=
		       KEY_TABLE_NONE;
	value_append_text(value, &text);
	is_there = key_table_find(&set->texts, bytes_slice(&text)) != KEY_TABLE_NONE;
	bytes_deinit(&text);
	return is_there;
}

bool key_filter_passes(const struct key_filter *filter, struct slice key)
{
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(key, values, DIMENSION_FIELDS_MAX);

	if (count < 0)
		return false;
	for (uint32_t i = 0; i < (uint32_t)count; i++) {
		const struct value_set *only = &filter->sets[false][i];
		const struct value_set *exclude = &filter->sets[true][i];

		if (only->is_given && !has(only, &values[i]))
			return false;
		if (exclude->is_given && has(exclude, &values[i]))
			return false;
	}
	return true;
}
