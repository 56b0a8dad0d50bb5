/** filter.h - a filter expression, compiled to operations over the columns of a batch.
 *
 *  Syntax: a subset of Lua's expressions: `== ~= < <= > >= and or not ( )`, `+ - * / %`, unary
 *  `-`, numbers, strings (also [[long]]), true false nil, field names (dotted for nested), and the
 *  methods `f:match("regex")` (PCRE2, UTF off, match limit 100,000), `f:contains("t")`,
 *  `f:starts("t")`, `f:in_("a", "b", 3)`. Precedence as in Lua 5.1.
 *  Meaning: a missing field is nil. A comparison (also ==) with nil or of different types is false,
 *  except that `f == nil` and `f ~= nil` ask for presence; int and float are one type, compared
 *  exactly. `~=` is true for two values of one type that differ. Booleans are only equal or not.
 *  and/or/not treat nil and false as false, and give booleans. Arithmetic with a non-number is nil;
 *  x / 0, x % 0 and whatever else is not a number are nil. A method of a value that is no string is
 *  false (in_ takes any type). A reading matches when the whole is neither nil nor false.
 *
 *  Owner: filter_compile() result owned, filter_free(). filter_run() may be called by several
 *  threads at once, each with its own filter_scratch.
 *  Limits: FILTER_TEXT_BYTES_MAX (as written, and in canonical form), FILTER_DEPTH_MAX,
 *  FILTER_NODES_MAX, regex <= FILTER_REGEX_BYTES_MAX.
 */
#ifndef TOCSIN_CORE_FILTER_FILTER_H
#define TOCSIN_CORE_FILTER_FILTER_H

#include <stdint.h>

#include "core/base/bytes.h"

struct batch;
struct err_note;
struct field_set;
struct filter;
struct filter_scratch;
struct schema;

enum {
	FILTER_TEXT_BYTES_MAX = 8192,
	FILTER_DEPTH_MAX = 64,
	FILTER_NODES_MAX = 512,
	FILTER_REGEX_BYTES_MAX = 4096,
};

/** Compiles `text`; the fields it reads are added to `fields` (none on ERR_INVALID, ERR_RANGE).
 *  Errors (ERR_INVALID, ERR_RANGE, ERR_FULL) name the column, what was found and what is allowed;
 *  with a closed schema an unknown field is an error with a suggestion, and so is a comparison,
 *  arithmetic or method that the declared types rule out. */
int filter_compile(struct filter **out, const char *text, const struct schema *schema,
		   struct field_set *fields, struct err_note *why);
void filter_free(struct filter *filter);

/** The expression in one canonical form (spaces, parentheses, numbers, the constant of a comparison
 *  on the right, the values of in_ sorted), so that equal filters share panes. It compiles to the
 *  same filter and is its own canonical form. Borrowed until filter_free(). */
const char *filter_canonical(const struct filter *filter);

struct filter_scratch *filter_scratch_new(void);
void filter_scratch_free(struct filter_scratch *scratch);

/** Counters of one scratch: regex matches that hit their limit (counted as "no match"). */
uint64_t filter_scratch_limits_hit(const struct filter_scratch *scratch);

/** Writes the numbers of the matching rows, ascending, to `rows` [BATCH_ROWS_MAX]; returns how
 *  many. The batch has the columns of the `fields` that the filter was compiled with. */
uint32_t filter_run(const struct filter *filter, const struct batch *batch,
		    struct filter_scratch *scratch, uint16_t *rows);

#endif
