/** filter_internal.h - what filter.c keeps, for filter_set.c. */
#ifndef TOCSIN_CORE_FILTER_FILTER_INTERNAL_H
#define TOCSIN_CORE_FILTER_FILTER_INTERNAL_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/filter/filter.h"

struct mask;
struct node;

struct filter {
	struct arena arena;
	struct node *root;
	char *canonical;
	uint32_t scratch_columns; /**< columns_needed() */
	uint32_t batch_columns;   /**< the batch must have at least so many */
};

/** Room for a filter that needs `columns` scratch columns. */
void filter_scratch_reserve(struct filter_scratch *scratch, uint32_t columns);

#endif
