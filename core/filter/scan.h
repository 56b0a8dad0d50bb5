/** scan.h - a column against a constant, 64 rows at a time.
 *
 *  Comparisons and `starts` have loops without branches (values of one column change from row to
 *  row, so a branch on them is guessed wrongly); see lanes.h. Words with few asked rows, and
 *  whatever has no such loop, go row by row through meaning.h.
 */
#ifndef TOCSIN_CORE_FILTER_SCAN_H
#define TOCSIN_CORE_FILTER_SCAN_H

#include "core/filter/mask.h"

struct node;
struct regex_matcher;
struct value;

/** The rows of `in` whose value passes `node` (a method, or a comparison with a constant on its
 *  right). Only values of rows in `in` are followed to their text. `out` may be `in`. */
void scan_column(const struct node *node, const struct value *column, struct regex_matcher *matcher,
		 const struct mask *in, struct mask *out);

/** The rows of `in` whose value is neither nil nor false. */
void scan_truthy(const struct value *column, const struct mask *in, struct mask *out);

/** May be asked for rows that nobody needs: never slow, and no counter sees it. */
bool scan_is_cheap(const struct node *node);

#endif
