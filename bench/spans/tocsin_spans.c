/* What a boundary costs for windows of 1 hour to 30 days: the sum of a field by key, each key with
 * a reading in every pane, after the window has filled; over more boundaries than the window has
 * panes, or over a day and its midnight. The clock runs while the rule's window moves and every
 * key's sum is read; rolling up and forgetting are told beside it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/model/local_day.h"
#include "core/model/zone.h"
#include "core/window/metric.h"
#include "core/window/window_slide.h"

enum { BOUNDARIES_MAX = 4096, MINUTE_MS = 60000, SEED = 77 };

struct span {
	const char *name;
	int64_t window_ms, pane_ms;
	uint32_t days;
	int boundaries;
};

static const struct span spans[] = {
	{"1h", 3600000, 5000, 0, 1000},
	{"24h", 86400000, MINUTE_MS, 0, 1600},
	{"7d", 7 * LEVEL_DAY_MS, MINUTE_MS, 7, 1600},
	{"30d", 30 * LEVEL_DAY_MS, MINUTE_MS, 30, 1600},
};

struct run {
	const struct span *span;
	int keys;
	struct zone *zone;
	struct metric *metric;
	struct window *window;
	struct window_levels *levels;
	struct window_slide *slide;
	int64_t now_ms, told;
	double costs_us[BOUNDARIES_MAX];
	double upkeep_us;
};

static double now_us(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static void on_total(void *arg, uint32_t ref, const struct aggregate *total, bool is_marked)
{
	struct run *run = arg;

	(void)ref;
	(void)is_marked;
	run->told += aggregate_sum(total) >= 0;
}

static void feed_pane(struct run *run, int64_t start_ms)
{
	for (int key = 0; key < run->keys; key++) {
		struct aggregate delta = AGGREGATE_EMPTY;
		char text[24];

		aggregate_add_number(&delta, (double)(key + start_ms % 1009) / 7);
		snprintf(text, sizeof(text), "merchant-%d", key);
		window_merge(run->window, start_ms, slice_of(text), &delta);
	}
}

static void keep_up(struct run *run)
{
	double began_us = now_us();

	if (run->levels != NULL) {
		window_levels_roll(run->levels, run->now_ms - MINUTE_MS,
				   window_level_day(run->zone, run->now_ms - MINUTE_MS));
		window_expire(run->window, run->levels->rolled_ms);
		window_expire(run->levels->days,
			      window_level_day_ms(window_level_day(run->zone, run->now_ms) -
						  run->span->days));
	} else {
		window_expire(run->window, run->now_ms - run->span->window_ms - MINUTE_MS);
	}
	run->upkeep_us += now_us() - began_us;
}

static void begin(struct run *run)
{
	static const char *const values[] = {"amount"};
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = values,
				   .value_count = 1,
				   .pane_ms = run->span->pane_ms};
	struct window_slide_options options = {
		.window_ms = run->span->window_ms,
		.days = run->span->days,
		.totals = {.seed = SEED},
	};

	if (zone_open(&run->zone, "Asia/Shanghai", NULL) != 0)
		exit(1);
	run->metric = metric_new(&spec);
	run->window = window_new(run->metric, &options.totals);
	if (run->span->days > 0)
		run->levels =
			window_levels_new(run->window, run->metric, &options.totals, run->zone);
	run->slide = window_slide_new(run->window, run->levels, &options);
	run->now_ms = local_day_start_ms(run->zone, 20500);
}

/* Days that are over are one pane, however many readings they had: a pane an hour makes it. */
static void fill(struct run *run)
{
	int64_t step_ms = run->levels != NULL ? LEVEL_HOUR_MS : run->span->pane_ms;

	for (int64_t end_ms = run->now_ms + run->span->window_ms; run->now_ms < end_ms;) {
		feed_pane(run, run->now_ms);
		run->now_ms += step_ms;
		keep_up(run);
	}
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void measure(struct run *run)
{
	int64_t old_ms = LEVEL_NONE;

	run->upkeep_us = 0;
	for (int i = -1; i < run->span->boundaries; i++) {
		double began_us;

		feed_pane(run, run->now_ms);
		run->now_ms += run->span->pane_ms;
		began_us = now_us();
		window_slide_begin(run->slide, run->now_ms, old_ms);
		window_slide_walk(run->slide, on_total, run);
		/* The first one knows nothing of the keys. */
		if (i >= 0)
			run->costs_us[i] = now_us() - began_us;
		old_ms = run->now_ms;
		keep_up(run);
	}
}

static void tell(struct run *run)
{
	struct window_usage fine, hours = {0}, days = {0};
	int count = run->span->boundaries;
	double sum_us = 0, keys = run->keys;

	for (int i = 0; i < count; i++)
		sum_us += run->costs_us[i];
	qsort(run->costs_us, (size_t)count, sizeof(double), compare);
	window_usage(run->window, &fine);
	if (run->levels != NULL) {
		window_usage(run->levels->hours, &hours);
		window_usage(run->levels->days, &days);
	}
	printf("%-5s %10.2f %10.2f %10.2f %10.2f %9.0f %12.2f %12.0f %12.0f\n", run->span->name,
	       sum_us / count / 1000, run->costs_us[count / 2] / 1000,
	       run->costs_us[count * 99 / 100] / 1000, run->costs_us[count - 1] / 1000,
	       sum_us / count / keys * 1000, run->upkeep_us / count / 1000,
	       (double)(fine.memory_bytes + hours.memory_bytes + days.memory_bytes) / keys,
	       (double)window_slide_memory_bytes(run->slide) / keys);
	fflush(stdout);
}

static void end(struct run *run)
{
	window_slide_free(run->slide);
	window_levels_free(run->levels);
	window_free(run->window);
	metric_unref(run->metric);
	zone_free(run->zone);
}

int main(int argc, char **argv)
{
	int keys = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10000;

	printf("%d keys, each with a reading in every pane; CPU of a boundary of one rule\n\n",
	       keys);
	printf("%-5s %10s %10s %10s %10s %9s %12s %12s %12s\n", "span", "mean ms", "median ms",
	       "p99 ms", "max ms", "ns/key", "roll-up ms", "panes B/key", "totals B/key");
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct run *run;

		if (argc > 2 && strcmp(argv[2], spans[i].name) != 0)
			continue;
		run = mem_alloc(sizeof(*run));
		run->span = &spans[i];
		run->keys = keys;
		begin(run);
		fill(run);
		measure(run);
		tell(run);
		end(run);
		mem_free(run);
	}
	return 0;
}
