#include "bench/gen/payment.h"

#define BROKEN_FAILURE_RATE 0.9

enum {
	AMOUNT_CENTS_MIN = 100,
	AMOUNT_CENTS_SPREAD = 500000,
	COST_MS_MIN = 12,
	COST_MS_SPREAD = 1500,
	TIMEOUT_MS = 3000,
	TIMEOUT_SPREAD_MS = 500,
	APP_BITS = 2,
	CITY_BITS = 3,
};

void payment_source_init(struct payment_source *source, const struct gen_options *options)
{
	*source = (struct payment_source){.options = options};
	random_init(&source->random, options->seed);
	zipf_init(&source->merchants, options->merchant_count, options->merchant_skew);
	zipf_init(&source->customers, options->customer_count, options->customer_skew);
}

void payment_source_deinit(struct payment_source *source)
{
	zipf_deinit(&source->merchants);
	zipf_deinit(&source->customers);
}

/* Four uniform factors: most results are small, few are near the end. */
static uint32_t long_tail(uint64_t bits, uint32_t end)
{
	uint64_t a = bits & 0xFFFF, b = bits >> 16 & 0xFFFF, c = bits >> 32 & 0xFFFF;
	uint64_t d = bits >> 48;

	return (uint32_t)(((a * b >> 16) * (c * d >> 16) >> 16) * end >> 16);
}

static bool is_broken(const struct gen_options *options, uint32_t merchant, int64_t since_start_ms)
{
	return merchant == options->broken_merchant && since_start_ms >= options->break_from_ms &&
	       since_start_ms < options->break_to_ms;
}

void payment_next(struct payment_source *source, int64_t time_ms, int64_t since_start_ms,
		  struct payment *out)
{
	const struct gen_options *options = source->options;
	struct random *random = &source->random;
	uint64_t merchant_bits = random_next(random), customer_bits = random_next(random);
	uint64_t amount_bits = random_next(random), cost_bits = random_next(random);
	uint64_t fate_bits = random_next(random), late_bits = random_next(random);
	uint64_t form_bits = random_next(random);

	out->number = ++source->made_count;
	out->merchant = zipf_rank(&source->merchants, merchant_bits) + 1;
	out->customer = zipf_rank(&source->customers, customer_bits) + 1;
	bool has_fault = is_broken(options, out->merchant, since_start_ms);
	double failure_rate = has_fault ? BROKEN_FAILURE_RATE : options->failure_rate;
	out->is_success = !random_is_in((uint32_t)fate_bits, failure_rate);
	out->amount_cents = AMOUNT_CENTS_MIN + long_tail(amount_bits, AMOUNT_CENTS_SPREAD);
	out->cost_time_ms = COST_MS_MIN + long_tail(cost_bits, COST_MS_SPREAD);
	if (has_fault && !out->is_success)
		out->cost_time_ms =
			TIMEOUT_MS + random_below((uint32_t)cost_bits, TIMEOUT_SPREAD_MS);
	out->app = fate_bits >> 32 & ((1u << APP_BITS) - 1);
	out->city = fate_bits >> 40 & ((1u << CITY_BITS) - 1);

	int64_t back_ms = 0;
	if (random_is_in((uint32_t)late_bits, options->late_share))
		back_ms = (int64_t)((double)(late_bits >> 32) / 4294967296.0 *
				    (double)options->late_max_ms);
	/* Not before the start: a first window that only latecomers reach would be a surprise. */
	out->time_ms = time_ms - (back_ms < since_start_ms ? back_ms : since_start_ms);
	out->is_malformed = random_is_in((uint32_t)form_bits, options->malformed_share);
	out->has_other_shape = random_is_in((uint32_t)amount_bits, options->shapes_share);
	out->form_bits = (uint32_t)(form_bits >> 32);
}

int64_t payment_jitter_ms(struct payment_source *source, double length_ms)
{
	double part = (double)(random_next(&source->random) >> 32) / 4294967296.0;

	return (int64_t)(part * length_ms);
}
