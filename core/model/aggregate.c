#include "core/model/aggregate.h"

#include <math.h>
#include <string.h>

#include "core/base/err.h"

double aggregate_sum(const struct aggregate *aggregate)
{
	/* After an overflow the low part is infinity minus infinity: the high part is right. */
	return isfinite(aggregate->sum_low) ? aggregate->sum_high + aggregate->sum_low
					    : aggregate->sum_high;
}

bool aggregate_value(const struct aggregate *aggregate, enum statistic statistic, double *out)
{
	if (statistic != STATISTIC_COUNT && aggregate->samples == 0)
		return false;
	switch (statistic) {
	case STATISTIC_COUNT: *out = (double)aggregate->count; break;
	case STATISTIC_SUM: *out = aggregate_sum(aggregate); break;
	case STATISTIC_AVG: *out = aggregate_sum(aggregate) / (double)aggregate->samples; break;
	case STATISTIC_MIN: *out = aggregate->min; break;
	case STATISTIC_MAX: *out = aggregate->max; break;
	case STATISTIC_STDDEV:
	case STATISTIC_DISTINCT:
	case STATISTIC_RATE:
	case STATISTIC_FIRST:
	case STATISTIC_LAST:
	case STATISTIC_PERCENTILE: return false;
	}
	return true;
}

static void encode_double(double value, struct bytes *out)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	bytes_append_be64(out, bits);
}

static double decode_double(struct byte_reader *reader)
{
	uint64_t bits = byte_reader_be64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

void aggregate_encode(const struct aggregate *aggregate, struct bytes *out)
{
	bytes_append_be64(out, aggregate->count);
	bytes_append_be64(out, aggregate->samples);
	encode_double(aggregate->sum_high, out);
	encode_double(aggregate->sum_low, out);
	encode_double(aggregate->min, out);
	encode_double(aggregate->max, out);
}

int aggregate_decode(struct byte_reader *reader, struct aggregate *out)
{
	struct aggregate read = {
		.count = byte_reader_be64(reader),
		.samples = byte_reader_be64(reader),
		.sum_high = decode_double(reader),
		.sum_low = decode_double(reader),
		.min = decode_double(reader),
		.max = decode_double(reader),
	};

	if (reader->has_failed || read.samples > read.count)
		return ERR_CORRUPT;
	if (read.samples > 0 && !(read.min <= read.max)) /* NaN is not <= either */
		return ERR_CORRUPT;
	*out = read;
	return 0;
}
