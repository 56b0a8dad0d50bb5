/** payment.h - one payment of the stream, drawn from the seed; nothing about its text.
 *  Owner: payment_source_init() caller's memory, payment_source_deinit() frees its tables.
 *  Invariant: every payment takes the same number of draws, so the n-th payment of a seed does not
 *  depend on shares, rates or outputs.
 */
#ifndef TOCSIN_BENCH_GEN_PAYMENT_H
#define TOCSIN_BENCH_GEN_PAYMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/gen/options.h"
#include "bench/gen/random.h"

struct payment {
	uint64_t number; /**< from 1, in order of lines */
	int64_t time_ms;
	uint32_t merchant, customer; /**< from 1 */
	uint32_t amount_cents;
	uint32_t cost_time_ms;
	uint32_t app, city; /**< indexes of the lists in line.c */
	bool is_success;
	bool is_malformed;
	bool has_other_shape;
	uint32_t form_bits; /**< which way of being malformed, or of another shape */
};

struct payment_source {
	const struct gen_options *options;
	struct random random;
	struct zipf merchants, customers;
	uint64_t made_count;
};

void payment_source_init(struct payment_source *source, const struct gen_options *options);
void payment_source_deinit(struct payment_source *source);

/** The next payment, at `time_ms`, which is `since_start_ms` after the start. */
void payment_next(struct payment_source *source, int64_t time_ms, int64_t since_start_ms,
		  struct payment *out);

/** A random part of [0, length_ms), for the place of payment and line inside its slot of time. */
int64_t payment_jitter_ms(struct payment_source *source, double length_ms);

#endif
