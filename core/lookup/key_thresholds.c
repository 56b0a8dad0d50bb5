/* A row is kept under its mask (which fields it names) and the texts of those fields. To find the
 * row of a key, the masks in use are tried, those with most fields first. */
#include "core/lookup/key_thresholds.h"

#include "core/base/err.h"
#include "core/base/key_table.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/lookup/lookup.h"
#include "core/model/dimension.h"

#include <stdlib.h>

enum { MASKS = 1 << DIMENSION_FIELDS_MAX, LIST_SEED = 0x70C52 };

struct row_number {
	double number;
	uint32_t row; /* of the lookup; the last one that names the same */
};

struct key_thresholds {
	struct key_table rows;      /* mask, then each named text with its length */
	struct row_number *numbers; /* [rows.count] */
	uint32_t number_capacity;
	bool is_used[MASKS];
	uint16_t masks[MASKS]; /* those in use, most fields first */
	uint32_t mask_count;
};

static void add_text(struct bytes *row, struct slice text)
{
	bytes_append_be32(row, (uint32_t)text.length);
	bytes_append_slice(row, text);
}

static void put(struct key_thresholds *thresholds, struct slice row, struct row_number number)
{
	bool is_new;
	uint32_t id = key_table_put(&thresholds->rows, row, &is_new);

	if (id >= thresholds->number_capacity) {
		thresholds->number_capacity = id < 64 ? 128 : 2 * id;
		thresholds->numbers = mem_grow(thresholds->numbers, thresholds->number_capacity,
					       sizeof(*thresholds->numbers));
	}
	thresholds->numbers[id] = number;
}

static int compare_masks(const void *a, const void *b)
{
	unsigned first = *(const uint16_t *)a, second = *(const uint16_t *)b;
	int fields = __builtin_popcount(second) - __builtin_popcount(first);

	return fields != 0 ? fields : (int)first - (int)second;
}

static int number_of(struct slice text, uint32_t row, double *out, struct err_note *why)
{
	if (number_parse(text, out) == 0)
		return 0;
	return err_set(why, ERR_INVALID, "row %u: \"%.*s\" is not a number", row + 2,
		       (int)(text.length < 64 ? text.length : 64), text.data);
}

static int add_row(struct key_thresholds *thresholds, const struct lookup *lookup, uint32_t index,
		   const int *columns, uint32_t by_count, uint32_t number_column, struct bytes *row,
		   struct err_note *why)
{
	uint16_t mask = 0;
	double number;
	int code = number_of(lookup_cell(lookup, index, number_column), index, &number, why);

	if (code != 0)
		return code;
	bytes_clear(row);
	for (uint32_t i = 0; i < by_count; i++)
		if (columns[i] >= 0 && lookup_cell(lookup, index, (uint32_t)columns[i]).length > 0)
			mask |= (uint16_t)(1u << i);
	bytes_append_be16(row, mask);
	for (uint32_t i = 0; i < by_count; i++)
		if (mask & 1u << i)
			add_text(row, lookup_cell(lookup, index, (uint32_t)columns[i]));
	put(thresholds, bytes_slice(row), (struct row_number){.number = number, .row = index});
	thresholds->is_used[mask] = true;
	return 0;
}

int key_thresholds_new(struct key_thresholds **out, const struct lookup *lookup,
		       const char *const *by, uint32_t by_count, uint32_t number,
		       struct err_note *why)
{
	struct key_thresholds *thresholds = mem_alloc(sizeof(*thresholds));
	struct bytes row = BYTES_EMPTY;
	int columns[DIMENSION_FIELDS_MAX];
	uint32_t found = 0;
	int code = 0;

	key_table_init(&thresholds->rows, LIST_SEED);
	for (uint32_t i = 0; i < by_count; i++) {
		columns[i] = lookup_find_column(lookup, by[i]);
		found += columns[i] >= 0;
	}
	if (found == 0)
		code = err_set(
			why, ERR_INVALID,
			"none of its columns has the name of a field of the rule's dimension");
	for (uint32_t i = 0; code == 0 && i < lookup_row_count(lookup); i++)
		code = add_row(thresholds, lookup, i, columns, by_count, number, &row, why);
	bytes_deinit(&row);
	for (uint32_t mask = 0; mask < MASKS; mask++)
		if (thresholds->is_used[mask])
			thresholds->masks[thresholds->mask_count++] = (uint16_t)mask;
	qsort(thresholds->masks, thresholds->mask_count, sizeof(*thresholds->masks), compare_masks);
	if (code != 0) {
		key_thresholds_free(thresholds);
		return code;
	}
	*out = thresholds;
	return 0;
}

void key_thresholds_free(struct key_thresholds *thresholds)
{
	if (thresholds == NULL)
		return;
	key_table_deinit(&thresholds->rows);
	mem_free(thresholds->numbers);
	mem_free(thresholds);
}

static void add_value(struct bytes *row, const struct value *value)
{
	struct bytes text = BYTES_EMPTY;

	value_append_text(value, &text);
	add_text(row, bytes_slice(&text));
	bytes_deinit(&text);
}

bool key_thresholds_find(const struct key_thresholds *thresholds, struct slice key, double *out)
{
	struct value values[DIMENSION_FIELDS_MAX];
	struct bytes row = BYTES_EMPTY;
	const struct row_number *best = NULL;
	int best_fields = 0;
	int count = dimension_decode(key, values, DIMENSION_FIELDS_MAX);

	for (uint32_t i = 0; count >= 0 && i < thresholds->mask_count; i++) {
		uint16_t mask = thresholds->masks[i];
		int fields = __builtin_popcount(mask);
		uint32_t id;

		if (best != NULL && fields < best_fields)
			break;
		bytes_clear(&row);
		bytes_append_be16(&row, mask);
		for (int field = 0; field < count; field++)
			if (mask & 1u << field)
				add_value(&row, &values[field]);
		id = key_table_find(&thresholds->rows, bytes_slice(&row));
		if (id == KEY_TABLE_NONE)
			continue;
		if (best == NULL || thresholds->numbers[id].row > best->row)
			best = &thresholds->numbers[id];
		best_fields = fields;
	}
	bytes_deinit(&row);
	if (best != NULL)
		*out = best->number;
	return best != NULL;
}
