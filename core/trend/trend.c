#include "core/trend/trend.h"

#include "core/base/bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** How fast levels follow, a slot: a slow change must not be followed while it goes on. These and
 *  the limits were chosen on series 1-40 of bench/trend.py; the table in the docs is of others. */
#define FOLLOW_SUDDEN 0.5
#define FOLLOW_SLOW   0.01

static const struct limits {
	double sudden_z, sudden_share;
	double slow_allowance, slow_sum, slow_share;
} limits[] = {
	[TREND_LOW] = {3.8, 0.4, 1.5, 14, 0.15},
	[TREND_MEDIUM] = {3.2, 0.3, 1.2, 12, 0.15},
	[TREND_HIGH] = {2.8, 0.2, 1, 8, 0.15},
};

#define CUSUM_CLIP 3.0
/** A normal distribution's standard deviation is so many median absolute deviations. */
#define MAD_TO_SIGMA 1.4826
/** The noise of a count after Anscombe's transform is 1; that of a value is at least 1 %. */
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

/** Errors of slots side by side are alike: a slow change is measured against those of a day. */
static bool is_remembered(const struct trend_state *state, const struct trend_spec *spec)
{
	uint32_t step = spec->is_slow ? spec->slots_a_day / TREND_ERRORS_MAX : 1;

	return step < 2 || state->slot_count % step == 0;
}

/** Level and errors of every forecast. */
static void learn(struct trend_state *state, const struct trend_spec *spec,
		  const struct trend_slot *slot)
{
	double share = spec->is_slow ? FOLLOW_SLOW : FOLLOW_SUDDEN;

	for (unsigned i = 0; i < TREND_FORECASTS; i++) {
		struct trend_model *model = &state->models[i];
		double reference;

		if (!reference_of(state, spec, slot, i, &reference))
			continue;
		if ((model->has_level || i == TREND_RECENT) && is_remembered(state, spec))
			remember(model,
				 transform(spec, slot->value) -
					 transform(spec, expected_by(model, spec, reference)));
		/* The recent value is a level itself. */
		if (i != TREND_RECENT)
			follow(&model->level, &model->has_level,
			       log_ratio(spec, slot->value, reference), share);
	}
	follow(&state->recent, &state->has_recent, slot->value, share);
	state->slot_count++;
}

/** What the slot is to one forecast; both are greater the more it rings. */
struct distance {
	double z;
	double least;  /* of all forecasts, z without its sign */
	double change; /* share of the expected value */
	double expected;
	enum trend_forecast by;
};

static bool measure(const struct trend_state *state, const struct trend_spec *spec,
		    const struct trend_slot *slot, unsigned forecast, struct distance *out)
{
	const struct trend_model *model = &state->models[forecast];
	double direction = spec->is_rise ? 1 : -1;
	double reference, expected;

	if (model->error_count < TREND_ERRORS_MIN ||
	    !reference_of(state, spec, slot, forecast, &reference))
		return false;
	expected = expected_by(model, spec, reference);
	*out = (struct distance){
		.z = direction * (transform(spec, slot->value) - transform(spec, expected)) /
		     sigma_of(model, spec),
		.change = expected > 0 ? direction * (slot->value - expected) / expected
				       : (double)spec->is_rise,
		.expected = expected,
		.by = (enum trend_forecast)forecast,
	};
	return true;
}

/** The forecast that finds it least odd. A slow change is none against the time just before. False:
 *  there is no history. */
static bool measure_all(const struct trend_state *state, const struct trend_spec *spec,
			const struct trend_slot *slot, struct distance *out)
{
	struct distance distance;
	bool has_season = false;

	for (unsigned i = 0; i < TREND_FORECASTS; i++) {
		if (i == TREND_RECENT && spec->is_slow && has_season)
			break;
		if (!measure(state, spec, slot, i, &distance))
			continue;
		distance.least = fabs(distance.z);
		if (has_season && out->least < distance.least)
			distance.least = out->least;
		if (!has_season || distance.z < out->z)
			*out = distance;
		out->least = distance.least;
		has_season = true;
	}
	return has_season;
}

/* ---- a slot ---- */

static bool has_samples(const struct trend_spec *spec, const struct trend_slot *slot,
			double expected)
{
	double expected_samples = spec->is_count ? expected : slot->samples;

	return (spec->is_rise ? slot->samples : expected_samples) >= spec->samples_min;
}

static void judge(struct trend_state *state, const struct trend_spec *spec,
		  const struct distance *distance, struct trend_answer *out)
{
	const struct limits *limit = &limits[spec->sensitivity];
	double share = spec->is_slow ? limit->slow_share : limit->sudden_share;

	if (spec->is_slow) {
		state->sum += clamp(distance->z, CUSUM_CLIP) - limit->slow_allowance;
		/* What has rung for long need not be quiet for as long before it is over. */
		state->sum = fmin(fmax(state->sum, 0), 2 * limit->slow_sum);
	}
	out->score = spec->is_slow ? state->sum : distance->z;
	out->limit = spec->is_slow ? limit->slow_sum : limit->sudden_z;
	out->verdict =
		out->score > out->limit && distance->change > share ? TREND_RINGS : TREND_QUIET;
}

/** Far off in the other direction: the way back must not look like a change. */
static bool is_odd(const struct trend_spec *spec, const struct distance *distance)
{
	return !spec->is_slow && distance->least > limits[spec->sensitivity].sudden_z;
}

void trend_step(struct trend_state *state, const struct trend_spec *spec,
		const struct trend_slot *slot, struct trend_answer *out)
{
	struct distance distance = {0};

	*out = (struct trend_answer){.verdict = TREND_UNKNOWN};
	if (!slot->has_value || slot->value < 0 || (!spec->is_count && slot->value <= 0)) {
		out->why = "no value";
		return;
	}
	if (!measure_all(state, spec, slot, &distance)) {
		out->why = "no history";
		learn(state, spec, slot);
		return;
	}
	out->by = distance.by;
	out->expected = distance.expected;
	if (has_samples(spec, slot, distance.expected)) {
		judge(state, spec, &distance, out);
	} else {
		out->why = "few samples";
		out->verdict = TREND_QUIET;
	}
	if (out->verdict != TREND_RINGS && !is_odd(spec, &distance)) {
		state->odd_slots = 0;
		learn(state, spec, slot);
	} else if (++state->odd_slots > spec->slots_a_day) {
		*state = TREND_STATE_NEW;
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
	bytes_append_be32(out, state->odd_slots);
	bytes_append_be32(out, state->slot_count);
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
	out->odd_slots = byte_reader_be32(reader);
	out->slot_count = byte_reader_be32(reader);
	if (reader->has_failed)
		*out = TREND_STATE_NEW;
}
