/** trend.h - did a metric drop or rise, suddenly or slowly, against its own past?
 *
 *  Time is cut into slots (one window of the rule each). There are three forecasts of a slot: the
 *  same time yesterday and the same time last week, each times a level that follows how far today
 *  is above or below it, and the slots just before. What is left over is measured in units of its
 *  own usual size, the median absolute deviation (Hampel 1974), counts after Anscombe's transform
 *  (1948), so that ten fewer of twenty and ten fewer of ten thousand are not the same. The
 *  forecast that finds the slot least odd is believed: a holiday, a shop's closing time and an
 *  outage of yesterday are each odd to one of them only. Its distance z rings
 *
 *      sudden:  when z > k at one slot                      (a robust Shewhart chart, 1931)
 *      slow:    when the sum of (z - a), never below 0,     (CUSUM, Page 1954; z is clipped at 3,
 *               exceeds h                                   the slots just before are not asked)
 *
 *  and when the value differs from the expected one by a least share, so that a busy metric does
 *  not ring over a percent. Slots that ring, or are as odd the other way, are not learned from,
 *  until a day has passed: then what they show is the new normal. Values must be positive, but
 *  counts may be 0. Pure: no I/O, time is a number of slots.
 *  Owner: plain value, no clean-up. Measured by bench/trend.py; figures in docs/smart-rules.md.
 */
#ifndef TOCSIN_CORE_TREND_TREND_H
#define TOCSIN_CORE_TREND_TREND_H

#include <stdbool.h>
#include <stdint.h>

struct byte_reader;
struct bytes;

enum trend_sensitivity { TREND_LOW, TREND_MEDIUM, TREND_HIGH };
enum trend_forecast { TREND_YESTERDAY, TREND_LAST_WEEK, TREND_RECENT };
enum { TREND_FORECASTS = 3, TREND_ERRORS_MAX = 48, TREND_ERRORS_MIN = 12 };

struct trend_spec {
	bool is_slow, is_rise;
	bool is_count; /**< readings are counted: Poisson's noise, 0 is a value */
	enum trend_sensitivity sensitivity;
	double samples_min;   /**< fewer readings, expected (drop) or there (rise): no judgement */
	uint32_t slots_a_day; /**< 24 h / slot, at least 1 */
};

/** A forecast and how it did; a ring of its last errors. */
struct trend_model {
	float errors[TREND_ERRORS_MAX];
	uint8_t error_count, error_next;
	bool has_level;
	double level; /**< log of value / reference, followed */
};

struct trend_state {
	struct trend_model models[TREND_FORECASTS];
	double recent; /**< followed value: the reference of TREND_RECENT */
	bool has_recent;
	double sum;          /**< CUSUM */
	uint32_t odd_slots;  /**< in a row; not learned from */
	uint32_t slot_count; /**< learned from */
};
#define TREND_STATE_NEW ((struct trend_state){.has_recent = false})

struct trend_slot {
	bool has_value;
	double value;
	double samples;        /**< readings of the slot */
	bool has_reference[2]; /**< [TREND_YESTERDAY], [TREND_LAST_WEEK] */
	double reference[2];
};

enum trend_verdict { TREND_UNKNOWN, TREND_QUIET, TREND_RINGS };

struct trend_answer {
	enum trend_verdict verdict;
	const char *why; /**< "no history", "few samples" …; NULL when it rings or is quiet */
	double expected; /**< valid unless unknown for want of history */
	double score;    /**< z, or the CUSUM; compared with limit */
	double limit;
	enum trend_forecast by; /**< whose forecast it is */
};

/** The next slot. */
void trend_step(struct trend_state *state, const struct trend_spec *spec,
		const struct trend_slot *slot, struct trend_answer *out);

const char *trend_forecast_name(enum trend_forecast forecast);
/** "sudden_drop", "slow_drop", "sudden_rise", "slow_rise". False: none of them. */
bool trend_parse(const char *text, struct trend_spec *out);
bool trend_sensitivity_parse(const char *text, enum trend_sensitivity *out);

void trend_encode(const struct trend_state *state, struct bytes *out);
/** reader->has_failed when it is damaged. */
void trend_decode(struct byte_reader *reader, struct trend_state *out);

#endif
