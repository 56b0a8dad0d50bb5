/* What a rule compares with its own past: `baseline` and its band, or a `trend`. */
#include "core/rule/rule_internal.h"

#include "core/base/report.h"
#include "core/baseline/baseline.h"
#include "core/config/tree.h"
#include "core/model/local_day.h"
#include "core/rule/rule_trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RULE_BITS_TREND (RULE_BIT(COUNT) | RULE_BIT(FIELD) | RULE_BIT(GROUP))
#define HISTORY_EXAMPLE                                                                            \
	"\"yesterday\", \"same time yesterday\", \"same time last week\", \"7-day mean\""

static const char *const against_choices[] = {"all", "any", NULL};
static const char *const side_choices[] = {"left", "right", "outside", "inside", NULL};
static const char *const trend_choices[] = {"sudden_drop", "slow_drop", "sudden_rise", "slow_rise",
					    NULL};
static const char *const sensitivity_choices[] = {"low", "medium", "high", NULL};

/* clang-format off */
static const struct rule_row rows[] = {
	{RULE_BIT(BASELINE),
	 {.name = "statistic", .type = OPTION_TEXT, .is_required = true, .example = "\"avg\"",
	  .help = "what is computed"}},
	{RULE_BIT(BASELINE),
	 {.name = "field", .type = OPTION_TEXT, .example = "\"cost_time\"",
	  .help = "numeric field that is computed"}},
	{RULE_BIT(BASELINE),
	 {.name = "by", .type = OPTION_TEXT_LIST, .example = "{ \"merchantId\" }",
	  .help = "fields whose combinations are watched"}},
	{RULE_BIT(BASELINE),
	 {.name = "baseline", .type = OPTION_ANY, .is_required = true,
	  .example = "\"same time yesterday\"", .help = "what the value is compared with"}},
	{RULE_BIT(BASELINE),
	 {.name = "band", .type = OPTION_TABLE, .is_required = true,
	  .example = "{ lower = \"30%\", upper = \"150%\", side = \"outside\" }",
	  .help = "shares of the baseline, and the side of them that fires"}},
	{RULE_BIT(BASELINE),
	 {.name = "against", .type = OPTION_CHOICE, .choices = against_choices,
	  .example = "\"any\"", .help = "of several baselines: all of them, or any"}},
	{RULE_BIT(BASELINE),
	 {.name = "min_history", .type = OPTION_SPAN, .min = LOCAL_DAY_MS,
	  .max = 30.0 * LOCAL_DAY_MS, .example = "\"3d\"",
	  .help = "days of history that are needed"}},
	{RULE_BIT(BASELINE),
	 {.name = "exclude_incidents", .type = OPTION_ANY, .example = "true",
	  .help = "true: days on which the key fired or its incident was open are no baseline; "
		  "\"category\": also those with an incident of its category"}},
	{RULE_BIT(BASELINE),
	 {.name = "except", .type = OPTION_TEXT_LIST, .example = "{ \"2026-10-01\" }",
	  .help = "days that are no baseline"}},
	{RULE_BITS_TREND,
	 {.name = "trend", .type = OPTION_CHOICE, .choices = trend_choices,
	  .example = "\"sudden_drop\"", .help = "a change against its own past that fires"}},
	{RULE_BITS_TREND,
	 {.name = "sensitivity", .type = OPTION_CHOICE, .choices = sensitivity_choices,
	  .example = "\"high\"", .help = "how small a change is one"}},
	{0, {.name = NULL}},
};

static const struct option band_rows[] = {
	{.name = "lower", .type = OPTION_TEXT, .example = "\"30%\"", .help = "share of it"},
	{.name = "upper", .type = OPTION_TEXT, .example = "\"150%\"", .help = "share of it"},
	{.name = "side", .type = OPTION_CHOICE, .choices = side_choices, .example = "\"outside\"",
	 .help = "where it fires"},
	{.name = NULL},
};
/* clang-format on */

/* ---- references ---- */

static const char *chinese_of(struct rule *rule, const struct reference *reference)
{
	return reference->name_zh != NULL
		       ? reference->name_zh
		       : arena_format(&rule->arena, "%u天平均", reference->wanted);
}

/** The same reference once more changes no answer: it is a slip. */
static bool is_twice(const struct rule_baseline *baseline)
{
	const struct reference *last = &baseline->references[baseline->reference_count];

	for (uint32_t i = 0; i < baseline->reference_count; i++) {
		const struct reference *other = &baseline->references[i];

		if (other->kind == last->kind &&
		    (last->kind == REFERENCE_NUMBER ? other->number == last->number
						    : strcmp(other->name, last->name) == 0))
			return true;
	}
	return false;
}

static void add_reference(const struct rule_builder *builder, const struct tree *item,
			  struct rule_baseline *baseline)
{
	struct rule *rule = builder->rule;
	struct reference *reference = &baseline->references[baseline->reference_count];
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (item->type == TREE_NUMBER && item->number != 0 && isfinite(item->number)) {
		*reference = reference_of_number(item->number);
	} else if (item->type != TREE_STRING || !reference_parse(item->text, reference)) {
		rule_fault_at(
			builder, item->line,
			"\"baseline\" must be one of " HISTORY_EXAMPLE " (2 to %d days), a "
			"number that is not 0, or a list of them, found %s; example: baseline "
			"= \"same time yesterday\"",
			BASELINE_MEAN_DAYS_MAX, tree_describe(item, found));
		return;
	}
	if (is_twice(baseline)) {
		rule_fault_at(builder, item->line, "\"baseline\" has %s twice",
			      tree_describe(item, found));
		return;
	}
	reference->name = arena_copy_text(&rule->arena, reference->name);
	reference->name_zh = chinese_of(rule, reference);
	baseline->reference_count++;
}

static void read_references(const struct rule_builder *builder, struct rule_baseline *baseline)
{
	const struct tree *tree = tree_get(builder->tree, "baseline");

	if (tree == NULL)
		return;
	if (tree->type == TREE_MAP || !tree_is_list(tree)) {
		add_reference(builder, tree, baseline);
		return;
	}
	if (tree->child_count < 1 || tree->child_count > BASELINE_REFERENCES_MAX) {
		rule_fault(builder, "baseline",
			   "\"baseline\" must have 1 to %d entries, found %u; example: baseline = "
			   "{ \"same time yesterday\", \"same time last week\" }",
			   BASELINE_REFERENCES_MAX, tree->child_count);
		return;
	}
	for (const struct tree *item = tree->first; item != NULL; item = item->next)
		add_reference(builder, item, baseline);
}

/* ---- the band ---- */

/** False: the fault is reported. */
static bool read_bound(const struct rule_builder *builder, const struct tree *band,
		       const char *name, const char **text, double *out)
{
	const struct tree *bound = tree_get(band, name);

	if (bound == NULL)
		return true;
	*text = arena_copy_text(&builder->rule->arena, bound->text);
	if (band_parse_percent(bound->text, out))
		return true;
	rule_fault_at(builder, bound->line,
		      "\"%s\" of band must be a percentage of the baseline from 0%% to "
		      "100000%%, found \"%.40s\"; example: %s = \"30%%\"",
		      name, bound->text, name);
	return false;
}

static enum band_side parse_side(const char *text, const struct band *band)
{
	for (int side = BAND_LEFT; side <= BAND_INSIDE; side++)
		if (text != NULL && strcmp(band_side_name((enum band_side)side), text) == 0)
			return (enum band_side)side;
	if (band->lower_text != NULL && band->upper_text != NULL)
		return BAND_OUTSIDE;
	return band->lower_text != NULL ? BAND_LEFT : BAND_RIGHT;
}

static void check_bounds(const struct rule_builder *builder, const struct band *band)
{
	bool needs_lower = band->side != BAND_RIGHT, needs_upper = band->side != BAND_LEFT;

	if (band->lower_text == NULL && band->upper_text == NULL)
		rule_fault(builder, "band",
			   "\"band\" has no bound; example: band = { lower = \"30%%\", upper = "
			   "\"150%%\" }");
	else if ((needs_lower && band->lower_text == NULL) ||
		 (needs_upper && band->upper_text == NULL))
		rule_fault(builder, "band",
			   "side \"%s\" of band needs \"%s\"; example: band = { lower = \"30%%\", "
			   "upper = \"150%%\" }",
			   band_side_name(band->side),
			   band->lower_text == NULL ? "lower" : "upper");
	else if (band->lower_text != NULL && band->upper_text != NULL && band->lower >= band->upper)
		rule_fault(builder, "band",
			   "\"lower\" of band must be less than \"upper\", found %s and %s; "
			   "example: band = { lower = \"30%%\", upper = \"150%%\" }",
			   band->lower_text, band->upper_text);
}

static void read_band(const struct rule_builder *builder, struct band *out)
{
	const struct tree *band = tree_get(builder->tree, "band");
	bool is_lower_good, is_upper_good;

	if (band == NULL || !tree_is_map(band) ||
	    !rule_check_table(builder, band, band_rows, "band"))
		return;
	is_lower_good = read_bound(builder, band, "lower", &out->lower_text, &out->lower);
	is_upper_good = read_bound(builder, band, "upper", &out->upper_text, &out->upper);
	out->side = parse_side(option_text(band, "side", NULL), out);
	if (is_lower_good && is_upper_good)
		check_bounds(builder, out);
}

/* ---- which days ---- */

static int compare_days(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static void read_except(const struct rule_builder *builder, struct rule_baseline *baseline)
{
	const struct tree *list = tree_get(builder->tree, "except");
	int64_t *days;

	if (list == NULL || !tree_is_list(list))
		return;
	if (list->child_count > BASELINE_EXCEPT_MAX) {
		rule_fault(builder, "except", "\"except\" has %u days; at most %d are allowed",
			   list->child_count, BASELINE_EXCEPT_MAX);
		return;
	}
	days = arena_zalloc(&builder->rule->arena, (list->child_count + 1) * sizeof(*days));
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		if (item->type == TREE_STRING &&
		    !local_day_parse(item->text, &days[baseline->except_count++]))
			rule_fault_at(builder, item->line,
				      "\"except\" must list days of the calendar, found \"%.40s\"; "
				      "example: except = { \"2026-10-01\" }",
				      item->text);
	qsort(days, baseline->except_count, sizeof(*days), compare_days);
	baseline->except = days;
}

static void read_history(const struct rule_builder *builder, struct rule_baseline *baseline)
{
	int64_t history_ms = option_span_ms(builder->tree, "min_history", LOCAL_DAY_MS);

	baseline->min_history_days = (uint32_t)(history_ms / LOCAL_DAY_MS);
	if (history_ms % LOCAL_DAY_MS != 0)
		rule_fault(builder, "min_history",
			   "\"min_history\" must be whole days, found \"%.40s\"; example: "
			   "min_history = \"3d\"",
			   option_text(builder->tree, "min_history", ""));
	for (uint32_t i = 0; i < baseline->reference_count; i++) {
		struct reference *reference = &baseline->references[i];

		if (reference->wanted > 1 && baseline->min_history_days > reference->wanted)
			rule_fault(builder, "min_history",
				   "\"min_history\" must not be longer than the days of the "
				   "\"%s\": it would never fire",
				   reference->name);
		if (baseline->leaves_out != LEAVES_OUT_NONE || baseline->except_count > 0)
			reference_look_back(reference);
	}
}

/** A minute is fine enough where windows are longer, and its history is small. */
static void read_every(const struct rule_builder *builder)
{
	struct rule *rule = builder->rule;

	if (tree_get(builder->tree, "every") == NULL && rule->window_ms >= 60000 &&
	    rule->every_ms < 60000)
		rule->every_ms = 60000;
}

static enum leaves_out read_leaves_out(const struct rule_builder *builder)
{
	const struct tree *option = tree_get(builder->tree, "exclude_incidents");
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (option == NULL)
		return LEAVES_OUT_NONE;
	if (option->type == TREE_BOOL)
		return option->boolean ? LEAVES_OUT_JOINED : LEAVES_OUT_NONE;
	if (option->type == TREE_STRING && strcmp(option->text, "category") == 0)
		return LEAVES_OUT_CATEGORY;
	rule_fault_at(builder, option->line,
		      "\"exclude_incidents\" must be true, false or \"category\", found %s; "
		      "example: exclude_incidents = true",
		      tree_describe(option, found));
	return LEAVES_OUT_NONE;
}

static void read_baseline(const struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	struct rule_baseline *baseline = arena_zalloc(&rule->arena, sizeof(*baseline));

	rule->baseline = baseline;
	baseline->is_any = strcmp(option_text(builder->tree, "against", "all"), "any") == 0;
	baseline->leaves_out = read_leaves_out(builder);
	baseline->min_samples = rule->min_samples;
	/* Few readings are what is looked for, where readings are counted. */
	if (!statistic_needs_field(measure_statistic(&rule->measure)))
		rule->min_samples = 0;
	read_references(builder, baseline);
	read_band(builder, &baseline->band);
	read_except(builder, baseline);
	read_history(builder, baseline);
	read_every(builder);
}

/* ---- a trend ---- */

static void check_alone(const struct rule_builder *builder)
{
	static const char *const others[] = {"threshold", "all",        "any",  "severities",
					     "clear",     "thresholds", "early"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (tree_get(builder->tree, others[i]) != NULL)
			rule_fault(builder, others[i],
				   "\"%s\" has no place beside \"trend\", which decides by itself",
				   others[i]);
	if (tree_get(builder->tree, "every") != NULL)
		rule_fault(builder, "every",
			   "\"every\" has no place beside \"trend\": it is judged once in each "
			   "window");
}

static void read_trend(const struct rule_builder *builder)
{
	const char *name = option_text(builder->tree, "trend", NULL);
	struct rule *rule = builder->rule;
	struct trend_spec *spec;

	if (name == NULL) {
		if (tree_get(builder->tree, "sensitivity") != NULL)
			rule_fault(builder, "sensitivity",
				   "\"sensitivity\" needs \"trend\"; example: trend = "
				   "\"sudden_drop\"");
		return;
	}
	rule->trend = arena_zalloc(&rule->arena, sizeof(*rule->trend));
	rule->trend->name = arena_copy_text(&rule->arena, name);
	spec = &rule->trend->spec;
	if (!trend_parse(name, spec) ||
	    !trend_sensitivity_parse(option_text(builder->tree, "sensitivity", "medium"),
				     &spec->sensitivity))
		return; /* not one of the choices: reported */
	check_alone(builder);
	if (rule->window_ms > 0 && LOCAL_DAY_MS % rule->window_ms != 0) {
		rule_fault(builder, "window",
			   "\"window\" of a rule with \"trend\" must be one that a day is a "
			   "multiple of; "
			   "example: window = \"5m\"");
		return;
	}
	rule->threshold.text = rule->levels[0].holds.text = rule->trend->name;
	spec->is_count = measure_statistic(&rule->measure) == STATISTIC_COUNT;
	spec->samples_min = (double)rule->min_samples;
	/* The trend compares it with what is expected, too. */
	rule->min_samples = 0;
	if (rule->window_ms > 0)
		spec->slots_a_day = (uint32_t)(LOCAL_DAY_MS / rule->window_ms);
	rule->every_ms = rule->window_ms;
}

/** Days are what it is compared with. */
static void check_window(const struct rule_builder *builder)
{
	if (builder->rule->window_days > 0)
		rule_fault(
			builder, "window",
			"\"window\" of a rule that is compared with its past must be at most 24h; "
			"example: window = \"1h\"");
}

static void read_all(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;

	if (rule->type == RULE_BASELINE)
		read_baseline(builder);
	else if ((RULE_BITS_TREND & 1u << rule->type) != 0)
		read_trend(builder);
	if (rule->baseline != NULL || rule->trend != NULL)
		check_window(builder);
}

const struct rule_part rule_part_baseline = {rows, read_all, NULL};
