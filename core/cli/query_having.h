/** query_having.h - conditions on the statistics of a row: --having 'count >= 1000 and avg(x) < 5'.
 *
 *      conditions = condition { "and" condition }
 *      condition  = statistic operator number
 *      operator   = "==" | "~=" | "<" | "<=" | ">" | ">="
 *
 *  A statistic is written as in --stat, and need not stand there. One without a value (no number
 *  was seen) fulfils no condition.
 *  Owner: caller's memory; texts are borrowed.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_HAVING_H
#define TOCSIN_CORE_CLI_QUERY_HAVING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/cells.h"
#include "core/rule/rule.h"

struct err_note;
struct query_options;

enum { QUERY_CONDITIONS_MAX = 16 };

struct query_condition {
	struct measure measure;     /**< its value: place of the field in the options' values */
	struct threshold threshold; /**< without text */
};

struct query_having {
	struct query_condition conditions[QUERY_CONDITIONS_MAX];
	uint32_t count;  /**< 0: every row */
	int64_t span_ms; /**< of a row's window, for rates */
};

/** Adds the fields it computes with to the options' values. ERR_INVALID, ERR_FULL. */
int query_having_parse(struct query_options *options, const char *text, struct err_note *why);

bool query_having_holds(const struct query_having *having, const struct cell_layout *layout,
			const struct aggregate *cells);

#endif
