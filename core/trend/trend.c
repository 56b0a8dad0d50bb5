#include "core/trend/trend.h"

#include "core/base/bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** How fast levels follow, a slot: a sudden change must not be followed before it is seen, a slow one
 *  not while it goes on. Chosen on series 1-40 of bench/trend.py; its table is of others. */
#define FOLLOW_SUDDEN 0.2
#define FOLLOW_SLOW   0.01

static const struct limits {
	double sudden_z, sudden_share;
	double slow_sum, slow_share;
} limits[] = {
	[TREND_LOW] = {8, 0.5, 40, 0.25},
	[TREND_MEDIUM] = {5.5, 0.3, 25, 0.15},
	[TREND_HIGH] = {4, 0.2, 15, 0.1},
};

#define CUSUM_ALLOWANCE 0.5
#define CUSUM_CLIP      3.0
/** A normal distribution's standard deviation is so many median absolute deviations. */
#define MAD_TO_SIGMA 1.4826
/** The noise of a count after Anscombe's transform is 1; a value's is at least a hundredth of it. */
#define SIGMA_MIN_COUNT 1.0
#define SIGMA_MIN_VALUE 0.01

static double transform(const struct trend_spec *spec, double value)
{
	return spec->is_count ? 2 * sqrt(value + 0.375) : log(value);
}

/** Log of a ratio; half a reading more on both sides, so that a count of 0 has one. */
static double log_ratio(const struct trend_spec *spec, double value, double reference)
{
	double extra = spec->is_count ? 0.5 : 0;

	return log((value + extra) / (reference + extra));
}

static double clamp(double value, double limit)
{
	return value > limit ? limit : value < -limit ? -limit : value;
}

/* ---- one forecast ---- */

static int compare_floats(const void *a, const void *b)
{
	float first = *(const float *)a, second = *(const float *)b;

	return (first > second) - (first < second);
}

/** The usual size of its errors. */
static double sigma_of(const struct trend_model *model, const struct trend_spec *spec)
{
	float sizes[TREND_ERRORS_MAX];
	double least = spec->is_count ? SIGMA_MIN_COUNT : SIGMA_MIN_VALUE;
	double sigma;

	for (uint32_t i = 0; i < model->error_count; i++)
		sizes[i] = fabsf(model->errors[i]);
	qsort(sizes, model->error_count, sizeof(sizes[0]), compare_floats);
	sigma = MAD_TO_SIGMA * (double)sizes[model->error_count / 2];
	return sigma > least ? sigma : least;
}

static void remember(struct trend_model *model, double error)
{
	model->errors[model->error_next] = (float)error;
	model->error_next = (uint8_t)((model->error_next + 1) % TREND_ERRORS_MAX);
	if (model->error_count < TREND_ERRORS_MAX)
		model->error_count++;
}

static void follow(double *level, bool *has_level, double value, double share)
{
	*level = *has_level ? *level + share * (value - *level) : value;
	*has_level = true;
}

/** The reference of a forecast; false when there is none. */
static bool reference_of(const struct trend_state *state, const struct trend_spec *spec,
			 const struct trend_slot *slot, unsigned forecast, double *out)
{
	bool is_there =
		forecast == TREND_RECENT ? state->has_recent : slot->has_reference[forecast];

	*out = forecast == TREND_RECENT ? state->recent : is_there ? slot->reference[forecast] : 0;
	return is_there && (spec->is_count ? *out >= 0 : *out > 0);
}

static double expected_by(const struct trend_model *model, const struct trend_spec *spec,
			  double reference)
{
	double extra = spec->is_count ? 0.5 : 0;
	double expected = (reference + extra) * exp(model->has_level ? model->level : 0) - extra;

	return expected > 0 || !spec->is_count ? expected : 0;
}

/** The slot before this one was learned from: level and errors of every forecast. */
static void learn(struct trend_state *state, const struct trend_spec *spec,
		  const struct trend_slot *slot)
{
	double share = spec->is_slow ? FOLLOW_SLOW : FOLLOW_SUDDEN;

	for (unsigned i = 0; i < TREND_FORECASTS; i++) {
		struct trend_model *model = &state->models[i];
		double reference;

		if (!reference_of(state, spec, slot, i, &reference))
			continue;
		if (model->has_level || i == TREND_RECENT)
			remember(model,
				 transform(spec, slot->value) -
					 transform(spec, expected_by(model, spec, reference)));
		/* The recent value is a level itself. */
		if (i != TREND_RECENT)
			follow(&model->level, &model->has_level,
			       log_ratio(spec, slot->value, reference), share);
	}
	follow(&state->recent, &state->has_recent, slot->value, share);
}

/** The forecast that did best lately, or -1. */
static int choose(const struct trend_state *state, const struct trend_spec *spec,
		  const struct trend_slot *slot, double *sigma, double *reference)
{
	int best = -1;

	for (unsigned i = 0; i < TREND_FORECASTS; i++) {
		const struct trend_model *model = &state->models[i];
		double own_reference, own_sigma;

		if (model->error_count < TREND_ERRORS_MIN ||
		    !reference_of(state, spec, slot, i, &own_reference))
			continue;
		own_sigma = sigma_of(model, spec);
		if (best >= 0 && own_sigma >= *sigma)
			continue;
		best = (int)i;
		*sigma = own_sigma;
		*reference = own_reference;
	}
	return best;
}

/* ---- a slot ---- */

static bool has_samples(const struct trend_spec *spec, const struct trend_slot *slot,
			double expected)
{
	double expected_samples = spec->is_count ? expected : slot->samples;

	return (spec->is_rise ? slot->samples : expected_samples) >= spec->samples_min;
}

static void judge(struct trend_state *state, const struct trend_spec *spec, double z, double change,
		  struct trend_answer *out)
{
	const struct limits *limit = &limits[spec->sensitivity];

	if (spec->is_slow) {
		state->sum += clamp(z, CUSUM_CLIP) - CUSUM_ALLOWANCE;
		state->sum = state->sum > 0 ? state->sum : 0;
		/* What has rung long enough need not be quiet as long before it is over. */
		if (state->sum > 2 * limit->slow_sum)
			state->sum = 2 * limit->slow_sum;
	}
	out->score = spec->is_slow ? state->sum : z;
	out->limit = spec->is_slow ? limit->slow_sum : limit->sudden_z;
	out->verdict = out->score > out->limit && change > (spec->is_slow ? limit->slow_share
									  : limit->sudden_share)
			       ? TREND_RINGS
			       : TREND_QUIET;
}

static void forget(struct trend_state *state)
{
	*state = TREND_STATE_NEW;
}

void trend_step(struct trend_state *state, const struct trend_spec *spec,
		const struct trend_slot *slot, struct trend_answer *out)
{
	double sigma = 0, reference = 0, direction = spec->is_rise ? 1 : -1;
	int best;

	*out = (struct trend_answer){.verdict = TREND_UNKNOWN};
	if (!slot->has_value || slot->value < 0 || (!spec->is_count && slot->value <= 0)) {
		out->why = "no value";
		return;
	}
	best = choose(state, spec, slot, &sigma, &reference);
	if (best < 0) {
		out->why = "no history";
		learn(state, spec, slot);
		return;
	}
	out->by = (enum trend_forecast)best;
	out->expected = expected_by(&state->models[best], spec, reference);
	if (has_samples(spec, slot, out->expected)) {
		double z = direction *
			   (transform(spec, slot->value) - transform(spec, out->expected)) / sigma;
		double change = out->expected > 0
					? direction * (slot->value - out->expected) / out->expected
					: (double)spec->is_rise;

		judge(state, spec, z, change, out);
	} else {
		out->why = "few samples";
		out->verdict = TREND_QUIET;
	}
	if (out->verdict != TREND_RINGS) {
		state->ringing_slots = 0;
		learn(state, spec, slot);
	} else if (++state->ringing_slots > spec->slots_a_day) {
		forget(state);
		learn(state, spec, slot);
	}
}

/* ---- names ---- */

const char *trend_forecast_name(enum trend_forecast forecast)
{
	switch (forecast) {
	case TREND_YESTERDAY: return "same time yesterday";
	case TREND_LAST_WEEK: return "same time last week";
	case TREND_RECENT: return "the time just before";
	}
	return "";
}

bool trend_parse(const char *text, struct trend_spec *out)
{
	static const char *const names[] = {"sudden_drop", "sudden_rise", "slow_drop", "slow_rise"};

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(text, names[i]) == 0) {
			out->is_rise = (i & 1) != 0;
			out->is_slow = (i & 2) != 0;
			return true;
		}
	return false;
}

bool trend_sensitivity_parse(const char *text, enum trend_sensitivity *out)
{
	static const char *const names[] = {"low", "medium", "high"};

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum trend_sensitivity)i;
			return true;
		}
	return false;
}

/* ---- as it is stored ---- */

static void put_double(struct bytes *out, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	bytes_append_be64(out, bits);
}

static double get_double(struct byte_reader *reader)
{
	uint64_t bits = byte_reader_be64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	reader->has_failed |= !isfinite(value);
	return reader->has_failed ? 0 : value;
}

void trend_encode(const struct trend_state *state, struct bytes *out)
{
	for (unsigned i = 0; i < TREND_FORECASTS; i++) {
		const struct trend_model *model = &state->models[i];

		bytes_append_u8(out, model->error_count);
		bytes_append_u8(out, model->error_next);
		bytes_append_u8(out, model->has_level);
		put_double(out, model->level);
		for (uint32_t k = 0; k < model->error_count; k++) {
			uint32_t bits;

			memcpy(&bits, &model->errors[k], sizeof(bits));
			bytes_append_be32(out, bits);
		}
	}
	bytes_append_u8(out, state->has_recent);
	put_double(out, state->recent);
	put_double(out, state->sum);
	bytes_append_be32(out, state->ringing_slots);
}

static void decode_model(struct byte_reader *reader, struct trend_model *model)
{
	model->error_count = byte_reader_u8(reader);
	model->error_next = byte_reader_u8(reader);
	model->has_level = byte_reader_u8(reader) != 0;
	model->level = get_double(reader);
	if (model->error_count > TREND_ERRORS_MAX || model->error_next >= TREND_ERRORS_MAX) {
		reader->has_failed = true;
		return;
	}
	for (uint32_t k = 0; k < model->error_count; k++) {
		uint32_t bits = byte_reader_be32(reader);

		memcpy(&model->errors[k], &bits, sizeof(bits));
		reader->has_failed |= !isfinite(model->errors[k]);
	}
}

void trend_decode(struct byte_reader *reader, struct trend_state *out)
{
	*out = TREND_STATE_NEW;
	for (unsigned i = 0; i < TREND_FORECASTS && !reader->has_failed; i++)
		decode_model(reader, &out->models[i]);
	out->has_recent = byte_reader_u8(reader) != 0;
	out->recent = get_double(reader);
	out->sum = get_double(reader);
	out->ringing_slots = byte_reader_be32(reader);
	if (reader->has_failed)
		*out = TREND_STATE_NEW;
}
