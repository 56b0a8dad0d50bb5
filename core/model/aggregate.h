/** aggregate.h - count, sum, min and max of the matching readings; merged, never un-merged.
 *
 *  The sum is a double-double (Dekker 1971, "A floating-point technique for extending the available
 *  precision"; two_sum after Knuth TAOCP 2, 4.2.2), so that it does not depend on the order of
 *  readings, bundles and panes for any realistic stream: aggregate_sum() is the sum rounded once.
 */
#ifndef TOCSIN_CORE_MODEL_AGGREGATE_H
#define TOCSIN_CORE_MODEL_AGGREGATE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

#define STATISTIC_LIST(X) X(COUNT, "count") X(SUM, "sum") X(AVG, "avg") X(MIN, "min") X(MAX, "max")

enum statistic {
#define STATISTIC_ENUM(name, text) STATISTIC_##name,
	STATISTIC_LIST(STATISTIC_ENUM)
#undef STATISTIC_ENUM
};

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

/** One reading without / with a number. */
static inline void aggregate_add(struct aggregate *aggregate) { aggregate->count++; }
void aggregate_add_number(struct aggregate *aggregate, double number);
void aggregate_merge(struct aggregate *into, const struct aggregate *from);
double aggregate_sum(const struct aggregate *aggregate);

/** The statistic's value; false when there is none (no sample; count always has one). */
bool aggregate_value(const struct aggregate *aggregate, enum statistic statistic, double *out);

const char *statistic_name(enum statistic statistic);
int statistic_parse(const char *text); /**< enum statistic or -1 */

enum { AGGREGATE_ENCODED_BYTES = 48 };
void aggregate_encode(const struct aggregate *aggregate, struct bytes *out);
int aggregate_decode(struct byte_reader *reader, struct aggregate *out); /**< ERR_CORRUPT */

#endif
