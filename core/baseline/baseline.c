#include "core/baseline/baseline.h"

#include "core/base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PERCENT_MAX 100000

/* ---- words ---- */

struct word {
	const char *name, *name_zh;
	enum reference_kind kind;
	uint32_t step_days;
};

static const struct word words[] = {
	{"yesterday", "昨天", REFERENCE_DAYS, 1},
	{"same time yesterday", "昨天同一时间", REFERENCE_SAME_TIME, 1},
	{"same time last week", "上周同一时间", REFERENCE_SAME_TIME, 7},
};

/** "7-day mean": 2 to BASELINE_MEAN_DAYS_MAX. The texts are the caller's to keep. */
static bool parse_mean(const char *text, struct reference *out)
{
	unsigned long days;
	char *end;

	if (text[0] < '1' || text[0] > '9')
		return false;
	days = strtoul(text, &end, 10);
	if (strcmp(end, "-day mean") != 0 || days < 2 || days > BASELINE_MEAN_DAYS_MAX)
		return false;
	*out = (struct reference){
		.kind = REFERENCE_DAYS,
		.step_days = 1,
		.tries = (uint32_t)days,
		.wanted = (uint32_t)days,
		.name = text,
	};
	return true;
}

bool reference_parse(const char *text, struct reference *out)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, text) == 0) {
			*out = (struct reference){
				.kind = words[i].kind,
				.step_days = words[i].step_days,
				.tries = 1,
				.wanted = 1,
				.name = words[i].name,
				.name_zh = words[i].name_zh,
			};
			return true;
		}
	return parse_mean(text, out);
}

struct reference reference_of_number(double number)
{
	return (struct reference){
		.kind = REFERENCE_NUMBER, .number = number, .name = "number", .name_zh = "固定值"};
}

void reference_look_back(struct reference *reference)
{
	if (reference->wanted == 1)
		reference->tries =
			reference->step_days == 1 ? BASELINE_BACK_DAYS : BASELINE_BACK_WEEKS;
}

uint32_t reference_days_back(const struct reference *reference)
{
	return reference->kind == REFERENCE_NUMBER ? 0 : reference->step_days * reference->tries;
}

bool baseline_is_excepted(const struct rule_baseline *baseline, int64_t day)
{
	for (uint32_t i = 0; i < baseline->except_count && baseline->except[i] <= day; i++)
		if (baseline->except[i] == day)
			return true;
	return false;
}

/* ---- the band ---- */

static const char *const side_names[] = {"left", "right", "outside", "inside"};

const char *band_side_name(enum band_side side)
{
	return side_names[side];
}

bool band_parse_percent(const char *text, double *out)
{
	size_t length = strlen(text);
	double percent;

	if (length < 2 || text[length - 1] != '%' ||
	    number_parse((struct slice){text, length - 1}, &percent) != 0 || percent < 0 ||
	    percent > PERCENT_MAX)
		return false;
	*out = percent / 100;
	return true;
}

enum band_place band_place(const struct band *band, double value, double reference)
{
	/* What is 30 % of -10 is -3, and nearer to 0 is less of it. */
	double sign = reference < 0 ? -1 : 1;
	double share = value * sign, whole = reference * sign;

	if (band->lower_text != NULL && share < whole * band->lower)
		return PLACE_LEFT;
	if (band->upper_text != NULL && share > whole * band->upper)
		return PLACE_RIGHT;
	return PLACE_MIDDLE;
}

bool band_holds(const struct band *band, double value, double reference)
{
	enum band_place place = band_place(band, value, reference);

	switch (band->side) {
	case BAND_LEFT: return place == PLACE_LEFT;
	case BAND_RIGHT: return place == PLACE_RIGHT;
	case BAND_OUTSIDE: return place != PLACE_MIDDLE;
	case BAND_INSIDE: return place == PLACE_MIDDLE;
	}
	return false;
}

/* ---- the answer ---- */

static struct baseline_comparison compare(const struct rule_baseline *baseline, double value,
					  const struct reference *reference,
					  const struct reference_value *found, bool has_watched)
{
	uint32_t days = reference->wanted > 1 ? baseline->min_history_days : 1;
	struct baseline_comparison result = {
		.why = BASELINE_COMPARED, .verdict = BASELINE_UNKNOWN, .value = reference->number};

	if (reference->kind != REFERENCE_NUMBER) {
		if (found->days < days || !has_watched) {
			result.why = BASELINE_NO_HISTORY;
			return result;
		}
		if (found->sample_sum / found->days < (double)baseline->min_samples) {
			result.why = BASELINE_FEW_SAMPLES;
			return result;
		}
		result.value = found->value_sum / found->days;
	}
	if (result.value == 0 || !isfinite(result.value)) {
		result.why = BASELINE_ZERO;
		return result;
	}
	result.place = band_place(&baseline->band, value, result.value);
	result.verdict =
		band_holds(&baseline->band, value, result.value) ? BASELINE_YES : BASELINE_NO;
	return result;
}

/** With `any` the greatest verdict, with `all` the least; of equal ones the first. */
static bool decides(const struct rule_baseline *baseline, enum baseline_verdict verdict,
		    enum baseline_verdict so_far)
{
	return baseline->is_any ? verdict > so_far : verdict < so_far;
}

void baseline_judge(const struct rule_baseline *baseline, const double *value, bool has_readings,
		    const struct reference_value *references, bool has_watched,
		    struct baseline_answer *out)
{
	*out = (struct baseline_answer){.verdict = BASELINE_UNKNOWN, .why = BASELINE_NO_VALUE};
	if (value == NULL)
		return;
	for (uint32_t i = 0; i < baseline->reference_count; i++) {
		struct baseline_comparison comparison = compare(
			baseline, *value, &baseline->references[i], &references[i], has_watched);

		out->comparisons[out->comparison_count++] = comparison;
		if (i > 0 && !decides(baseline, comparison.verdict, out->verdict))
			continue;
		out->verdict = comparison.verdict;
		out->why = comparison.why;
		out->reference = i;
		out->value = comparison.value;
	}
	if (out->verdict == BASELINE_UNKNOWN && out->why == BASELINE_NO_HISTORY && has_readings)
		out->verdict = BASELINE_NO;
}

const char *baseline_why_text(enum baseline_why why)
{
	switch (why) {
	case BASELINE_COMPARED: return "compared";
	case BASELINE_NO_VALUE: return "the window has no value";
	case BASELINE_NO_HISTORY: return "not enough history";
	case BASELINE_FEW_SAMPLES: return "the reference has few readings";
	case BASELINE_ZERO: return "the reference is 0";
	}
	return "";
}
