#include "core/cli/query_options.h"

#include <stddef.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/cli/query_slide.h"
#include "core/model/span.h"

/* All options; also the list behind "did you mean". */
static const char *const names[] = {
	"--site", "--source",   "--format",  "--fields", "--header", "--delimiter",
	"--time", "--where",    "--by",      "--every",  "--stat",   "--output",
	"--help", "--lateness", "--verbose", "--window", "--having", NULL,
};

static const char *const flags[] = {"--header", "--verbose", "--help", "-h", "-v", NULL};

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

void query_options_init(struct query_options *options)
{
	*options = (struct query_options){.lateness_ms = -1};
	arena_init(&options->arena);
}

void query_options_deinit(struct query_options *options)
{
	arena_deinit(&options->arena);
}

/** The next item of a list separated by commas outside parentheses, without spaces around it. */
static const char *next_item(struct query_options *options, const char **rest)
{
	const char *start = *rest, *end = start;
	for (int depth = 0; *end && (depth > 0 || *end != ','); end++)
		depth += (*end == '(') - (*end == ')');
	*rest = *end ? end + 1 : NULL;
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	return arena_copy(&options->arena, start, (size_t)(end - start));
}

static int parse_list(struct query_options *options, const char *name, const char *text,
		      const char **list, uint32_t list_max, uint32_t *count, struct err_note *why)
{
	*count = 0;
	for (const char *rest = text; rest;) {
		const char *item = next_item(options, &rest);
		if (!*item)
			return err_set(why, ERR_INVALID, "%s \"%s\" has an empty name", name, text);
		if (*count == list_max)
			return err_set(why, ERR_FULL, "%s has more than %u names", name, list_max);
		list[(*count)++] = item;
	}
	return 0;
}

static int value_index(struct query_options *options, const char *option, const char *field,
		       uint32_t *out, struct err_note *why)
{
	for (*out = 0; *out < options->value_count; ++*out)
		if (strcmp(options->values[*out], field) == 0)
			return 0;
	if (options->value_count == METRIC_VALUES_MAX)
		return err_set(why, ERR_FULL, "%s computes with more than %d fields", option,
			       METRIC_VALUES_MAX);
	options->values[options->value_count++] = field;
	return 0;
}

int query_stat_parse(struct query_options *options, const char *option, const char *text,
		     struct query_stat *stat, struct err_note *why)
{
	size_t name_length = strcspn(text, "( ");
	const char *name = arena_copy(&options->arena, text, name_length);
	const char *open = strchr(text, '(');
	const char *close = open ? strrchr(open, ')') : NULL;
	uint32_t value;
	*stat = (struct query_stat){.text = text};
	if (measure_parse(name, &stat->measure))
		return err_set(why, ERR_INVALID,
			       "%s \"%s\": unknown statistic; allowed are count, rate, sum(F), "
			       "avg(F), min(F), max(F), stddev(F), distinct(F), first(F), last(F) "
			       "and percentiles as p99(F) or p99.9(F)",
			       option, text);
	bool needs_field = statistic_needs_field(measure_statistic(&stat->measure));
	if (!needs_field && !open && !text[name_length])
		return 0;
	if (!needs_field)
		return err_set(why, ERR_INVALID, "%s \"%s\": %s has no field", option, text, name);
	if (!close || close[1])
		return err_set(why, ERR_INVALID, "%s \"%s\": written as %s(F), with a field F",
			       option, text, name);
	const char *field = arena_copy(&options->arena, open + 1, (size_t)(close - open - 1));
	const char *rest = field;
	field = next_item(options, &rest);
	if (!*field || rest)
		return err_set(why, ERR_INVALID, "%s \"%s\" needs one field in parentheses", option,
			       text);
	int rc = value_index(options, option, field, &value, why);
	if (rc)
		return rc;
	stat->measure.value = (uint8_t)value;
	options->needs[value] |= measure_needs(&stat->measure);
	return 0;
}

static int parse_stats(struct query_options *options, const char *text, struct err_note *why)
{
	int rc = 0;
	options->stat_count = 0;
	for (const char *rest = text; rest && !rc;) {
		if (options->stat_count == QUERY_STATS_MAX)
			return err_set(why, ERR_FULL, "--stat has more than %d statistics",
				       QUERY_STATS_MAX);
		const char *item = next_item(options, &rest);
		rc = query_stat_parse(options, "--stat", item,
				      &options->stats[options->stat_count++], why);
	}
	return rc;
}

static int parse_seconds(const char *name, const char *text, int64_t *out_ms, struct err_note *why)
{
	int rc = span_parse(text, out_ms, why);
	if (rc)
		err_prefix(why, "%s", name);
	else if (*out_ms <= 0 || *out_ms % 1000 != 0)
		rc = err_set(why, ERR_RANGE, "%s \"%s\": must be whole seconds, at least 1s", name,
			     text);
	return rc;
}

static int parse_choice(const char *name, const char *text, const char *a, const char *b,
			struct err_note *why)
{
	if (strcmp(text, a) == 0 || strcmp(text, b) == 0)
		return 0;
	return err_set(why, ERR_INVALID, "%s \"%s\": must be %s or %s", name, text, a, b);
}

static int set_option(struct query_options *options, const char *name, const char *text,
		      struct err_note *why)
{
	const struct {
		const char *name;
		const char **text;
	} texts[] = {
		{"--site", &options->site},   {"--source", &options->source},
		{"--time", &options->time},   {"--delimiter", &options->delimiter},
		{"--where", &options->where},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(name, texts[i].name) == 0) {
			*texts[i].text = text;
			return 0;
		}
	}
	if (strcmp(name, "--format") == 0) {
		options->format = text;
		return parse_choice(name, text, "json", "csv", why);
	}
	if (strcmp(name, "--output") == 0) {
		options->is_json_output = strcmp(text, "json") == 0;
		return parse_choice(name, text, "csv", "json", why);
	}
	if (strcmp(name, "--fields") == 0)
		return parse_list(options, name, text, options->fields, INTAKE_COLUMNS_MAX,
				  &options->field_count, why);
	if (strcmp(name, "--by") == 0)
		return parse_list(options, name, text, options->by, DIMENSION_FIELDS_MAX,
				  &options->by_count, why);
	if (strcmp(name, "--stat") == 0)
		return parse_stats(options, text, why);
	if (strcmp(name, "--every") == 0)
		return parse_seconds(name, text, &options->every_ms, why);
	if (strcmp(name, "--window") == 0)
		return parse_seconds(name, text, &options->window_ms, why);
	if (strcmp(name, "--having") == 0)
		return query_having_parse(options, text, why);
	int rc = span_parse(text, &options->lateness_ms, why);
	if (rc)
		err_prefix(why, "--lateness");
	return rc;
}

static void set_flag(struct query_options *options, const char *name)
{
	options->has_header |= strcmp(name, "--header") == 0;
	options->is_verbose |= strcmp(name, "--verbose") == 0 || strcmp(name, "-v") == 0;
	options->has_help |= strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
}

static int add_input(struct query_options *options, const char *path, struct err_note *why)
{
	for (uint32_t i = 0; i < options->input_count; i++)
		if (strcmp(path, "-") == 0 && strcmp(options->inputs[i], "-") == 0)
			return err_set(why, ERR_INVALID, "standard input (-) is given twice");
	options->inputs[options->input_count++] = path;
	return 0;
}

/** One option at argv[*at], and its value; moves *at to the last word used. */
static int parse_option(struct query_options *options, int argc, char **argv, int *at,
			struct err_note *why)
{
	const char *word = argv[*at];
	const char *equals = strchr(word, '=');
	const char *name =
		equals ? arena_copy(&options->arena, word, (size_t)(equals - word)) : word;
	if (is_one_of(name, flags)) {
		set_flag(options, name);
		return equals ? err_set(why, ERR_INVALID, "%s takes no value", name) : 0;
	}
	if (!is_one_of(name, names)) {
		const char *nearest = report_nearest(name, names);
		return err_set(why, ERR_INVALID, "unknown option %s%s%s", name,
			       nearest ? ", did you mean " : "", nearest ? nearest : "");
	}
	if (equals)
		return set_option(options, name, equals + 1, why);
	if (*at + 1 == argc)
		return err_set(why, ERR_INVALID, "%s needs a value", name);
	return set_option(options, name, argv[++*at], why);
}

/** A window longer than its step: rows at every step, for the window that ends there. */
static int check_window(struct query_options *options, struct err_note *why)
{
	char every[32], window[32];
	span_format(options->every_ms, every, sizeof(every));
	span_format(options->window_ms, window, sizeof(window));
	if (options->window_ms == 0)
		return 0;
	if (options->every_ms == 0)
		options->every_ms = options->window_ms;
	if (options->window_ms % options->every_ms != 0)
		return err_set(why, ERR_INVALID,
			       "--window %s must be a multiple of --every %s, which is how often "
			       "there is a row",
			       window, every);
	if (options->window_ms / options->every_ms > SLIDE_PANES_MAX)
		return err_set(why, ERR_RANGE,
			       "--window %s is more than %d times --every %s, the most allowed",
			       window, SLIDE_PANES_MAX, every);
	return 0;
}

/** A window of all time has no length that readings could be divided by. */
static int check_rates(const struct query_options *options, struct err_note *why)
{
	bool has_rate = false;
	for (uint32_t i = 0; i < options->stat_count; i++)
		has_rate |= options->stats[i].measure.statistic == STATISTIC_RATE;
	for (uint32_t i = 0; i < options->having.count; i++)
		has_rate |= options->having.conditions[i].measure.statistic == STATISTIC_RATE;
	if (has_rate && options->span_ms == 0)
		return err_set(why, ERR_INVALID,
			       "rate is per second of a window: --every or --window is needed");
	return 0;
}

static int prepare_stats(struct query_options *options, struct err_note *why)
{
	int rc = options->stat_count == 0 ? parse_stats(options, "count", why) : 0;
	if (rc)
		return rc;
	options->span_ms = options->window_ms ? options->window_ms : options->every_ms;
	options->having.span_ms = options->span_ms;
	cell_layout_init(&options->layout, options->value_count, options->needs);
	return check_rates(options, why);
}

/** What options say together. */
static int check_together(struct query_options *options, struct err_note *why)
{
	if (options->input_count == 0)
		return err_set(why, ERR_INVALID, "no INPUT is given; - is standard input");
	if (options->source && !options->site)
		return err_set(why, ERR_INVALID, "--source needs --site");
	if (options->site && (options->format || options->field_count || options->has_header ||
			      options->time || options->delimiter))
		return err_set(why, ERR_INVALID,
			       "--site says how its sources are written: --format, --fields, "
			       "--header, --delimiter and --time cannot be given with it");
	bool is_csv = options->format && strcmp(options->format, "csv") == 0;
	if (!is_csv && (options->has_header || options->delimiter))
		return err_set(why, ERR_INVALID, "--header and --delimiter need --format csv");
	if (options->has_header && options->field_count)
		return err_set(why, ERR_INVALID,
			       "--header takes the names from the first line, --fields gives them; "
			       "only one of both is allowed");
	if (options->delimiter && strcmp(options->delimiter, "\\t") == 0)
		options->delimiter = "\t";
	if (options->delimiter && (strlen(options->delimiter) != 1 || *options->delimiter == '"'))
		return err_set(why, ERR_INVALID,
			       "--delimiter \"%s\": must be one character, or \\t",
			       options->delimiter);
	if (is_csv && !options->field_count)
		options->has_header = true;
	int rc = check_window(options, why);
	return rc ? rc : prepare_stats(options, why);
}

int query_options_parse(struct query_options *options, int argc, char **argv, struct err_note *why)
{
	bool only_inputs = false;
	options->inputs = arena_alloc(&options->arena, (size_t)argc * sizeof(*options->inputs));
	for (int at = 1; at < argc; at++) {
		int rc = 0;
		if (!only_inputs && strcmp(argv[at], "--") == 0)
			only_inputs = true;
		else if (!only_inputs && argv[at][0] == '-' && argv[at][1])
			rc = parse_option(options, argc, argv, &at, why);
		else
			rc = add_input(options, argv[at], why);
		if (rc)
			return rc;
	}
	return options->has_help ? 0 : check_together(options, why);
}
