/** aggregate.h - count, sum, min and max of the matching readings; merged, never un-merged.
 *
 *  The sum is a double-double (Dekker 1971, "A floating-point technique for extending the available
 *  precision"; two_sum after Knuth TAOCP 2, 4.2.2), so that it does not depend on the order of
 *  readings, bundles and panes for any realistic stream: aggregate_sum() is the sum rounded once.
 *  The parts are not put in order after each addition (Ogita, Rump, Oishi 2005, "Accurate sum and
 *  dot product", Sum2): as exact, with a shorter chain of additions.
 */
#ifndef TOCSIN_CORE_MODEL_AGGREGATE_H
#define TOCSIN_CORE_MODEL_AGGREGATE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/statistic.h"

struct aggregate {
	uint64_t count;   /**< matching readings */
	uint64_t samples; /**< of them, those with a number in the value field */
	double sum_high;
	double sum_low;
	double min; /**< valid when samples > 0 */
	double max;
};

static_assert(sizeof(struct aggregate) == 48, "aggregate is kept by the million");

#define AGGREGATE_EMPTY ((struct aggregate){0, 0, 0, 0, 0, 0})

/** One reading without a number (aggregate_add), with one (aggregate_add_number; never NaN). */
static inline void aggregate_add(struct aggregate *aggregate)
{
	aggregate->count++;
}

/** high + number exactly: rounded into `high`, the rounding error added to `low`. */
static inline void aggregate_two_sum(struct aggregate *aggregate, double number)
{
	double sum = aggregate->sum_high + number;
	double taken = sum - aggregate->sum_high;

	aggregate->sum_low += (aggregate->sum_high - (sum - taken)) + (number - taken);
	aggregate->sum_high = sum;
}

static inline void aggregate_add_number(struct aggregate *aggregate, double number)
{
	if (__builtin_expect(aggregate->samples == 0, 0))
		aggregate->min = aggregate->max = number;
	aggregate->count++;
	aggregate->samples++;
	aggregate_two_sum(aggregate, number);
	/* Written so that each is one instruction without a branch. */
	aggregate->min = number < aggregate->min ? number : aggregate->min;
	aggregate->max = number > aggregate->max ? number : aggregate->max;
}

static inline void aggregate_merge(struct aggregate *into, const struct aggregate *from)
{
	bool is_first = into->samples == 0;

	into->count += from->count;
	if (from->samples == 0)
		return;
	into->samples += from->samples;
	aggregate_two_sum(into, from->sum_high);
	into->sum_low += from->sum_low;
	into->min = is_first || from->min < into->min ? from->min : into->min;
	into->max = is_first || from->max > into->max ? from->max : into->max;
}

double aggregate_sum(const struct aggregate *aggregate);

/** The value of count, sum, avg, min or max; false when there is none (no sample; count always has
 *  one), and for every other statistic: those are of cells.h. */
bool aggregate_value(const struct aggregate *aggregate, enum statistic statistic, double *out);

enum { AGGREGATE_ENCODED_BYTES = 48 };
void aggregate_encode(const struct aggregate *aggregate, struct bytes *out);
int aggregate_decode(struct byte_reader *reader, struct aggregate *out); /**< ERR_CORRUPT */

#endif
