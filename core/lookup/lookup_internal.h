/** lookup_internal.h - a lookup while it is filled; cells come row by row. */
#ifndef TOCSIN_CORE_LOOKUP_LOOKUP_INTERNAL_H
#define TOCSIN_CORE_LOOKUP_LOOKUP_INTERNAL_H

#include "core/lookup/lookup.h"

struct lookup {
	unsigned reference_count;
	char *names[LOOKUP_COLUMNS_MAX];
	uint32_t column_count;
	uint32_t row_count;
	struct bytes text;
	uint32_t *ends; /**< of the cells in `text`; a cell begins where the one before ends */
	uint32_t cell_count, cell_capacity;
};

struct lookup *lookup_new(void);
/** ERR_RANGE: too many columns; ERR_INVALID: no name, or one that is there already. */
int lookup_add_column(struct lookup *lookup, struct slice name, struct err_note *why);
/** ERR_RANGE: too many bytes. */
int lookup_add_cell(struct lookup *lookup, struct slice text, struct err_note *why);
/** Ends a row that has all its cells. ERR_RANGE: too many rows. */
int lookup_end_row(struct lookup *lookup, struct err_note *why);

#endif
