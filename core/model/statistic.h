/** statistic.h - what can be computed of the readings of a window, and the names of it in rules.
 *
 *  A measure is a statistic with its percentile and the value field it is of. What a pane must keep
 *  for it, and its number, are in cells.h.
 */
#ifndef TOCSIN_CORE_MODEL_STATISTIC_H
#define TOCSIN_CORE_MODEL_STATISTIC_H

#include <stdbool.h>
#include <stdint.h>

#define STATISTIC_LIST(X)                                                                          \
	X(COUNT, "count")                                                                          \
	X(SUM, "sum")                                                                              \
	X(AVG, "avg")                                                                              \
	X(MIN, "min")                                                                              \
	X(MAX, "max")                                                                              \
	X(STDDEV, "stddev")                                                                        \
	X(DISTINCT, "distinct")                                                                    \
	X(RATE, "rate")                                                                            \
	X(FIRST, "first")                                                                          \
	X(LAST, "last")                                                                            \
	X(PERCENTILE, "pNN")

enum statistic {
#define STATISTIC_ENUM(name, text) STATISTIC_##name,
	STATISTIC_LIST(STATISTIC_ENUM)
#undef STATISTIC_ENUM
};

enum { STATISTIC_COUNT_OF_ALL = STATISTIC_PERCENTILE + 1, MEASURE_NAME_BYTES_MAX = 16 };

struct measure {
	uint8_t statistic;          /**< enum statistic */
	uint8_t value;              /**< which value field of the metric */
	uint16_t percentile_tenths; /**< 999 of "p99.9"; 0 when it is no percentile */
};

static inline enum statistic measure_statistic(const struct measure *measure)
{
	return (enum statistic)measure->statistic;
}

/** Reads "max", "p50", "p99.9" (p0.1 to p99.9, without needless zeros); `value` stays as it is.
 *  ERR_INVALID: it is none. */
int measure_parse(const char *text, struct measure *out);
/** The text that measure_parse() reads. */
const char *measure_name(const struct measure *measure, char buffer[MEASURE_NAME_BYTES_MAX]);

const char *statistic_name(enum statistic statistic); /**< "pNN" for percentiles */
int statistic_parse(const char *text); /**< enum statistic, not of percentiles; or -1 */
/** All but count and rate are of a field. */
bool statistic_needs_field(enum statistic statistic);
/** All but distinct are of numbers. */
bool statistic_needs_number(enum statistic statistic);

#endif
