/** options.h - what to generate: the command line as plain values. Texts are borrowed from argv. */
#ifndef TOCSIN_BENCH_GEN_OPTIONS_H
#define TOCSIN_BENCH_GEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;

enum { MERCHANTS_MAX = 1000000, CUSTOMERS_MAX = 10000000, LIVE_RATE_MAX = 10000000 };

struct gen_options {
	uint64_t line_count;
	uint64_t seed;
	uint32_t merchant_count, customer_count;
	double merchant_skew, customer_skew;
	const char *json_path, *csv_path, *append_path; /**< NULL: not wanted; "-": stdout */
	bool has_csv_header;
	int64_t start_ms, span_ms;
	double failure_rate;
	double late_share;
	int64_t late_max_ms;
	double malformed_share, shapes_share;
	bool is_live;
	double live_rate;                   /**< lines a second */
	int64_t live_ms;                    /**< 0: until stopped */
	uint32_t broken_merchant;           /**< from 1; 0: none */
	int64_t break_from_ms, break_to_ms; /**< after the start */
	bool wants_help;
};

int gen_options_parse(struct gen_options *out, int argc, char **argv, struct err_note *why);
const char *gen_options_help(void);

#endif
