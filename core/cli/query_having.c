#include "core/cli/query_having.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/number.h"
#include "core/cli/query_options.h"

/* As a filter writes them. Longer ones first: "<=" begins with "<". */
static const struct {
	const char *text;
	enum compare compare;
} operators[] = {
	{"==", COMPARE_EQ}, {"~=", COMPARE_NE}, {"<=", COMPARE_LE},
	{">=", COMPARE_GE}, {"<", COMPARE_LT},  {">", COMPARE_GT},
};

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/** The statistic at `at`: up to the operator, outside parentheses. */
static size_t statistic_length(const char *at)
{
	size_t length = 0;
	for (int depth = 0; at[length] && (depth > 0 || !strchr("=~<>!", at[length])); length++)
		depth += (at[length] == '(') - (at[length] == ')');
	while (length > 0 && strchr(" \t\r\n", at[length - 1]))
		length--;
	return length;
}

static int parse_operator(const char **at, enum compare *out, struct err_note *why)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t length = strlen(operators[i].text);
		if (strncmp(*at, operators[i].text, length) != 0)
			continue;
		*at = skip_blanks(*at + length);
		*out = operators[i].compare;
		return 0;
	}
	return err_set(why, ERR_INVALID,
		       "--having: \"%.40s\" must be ==, ~=, <, <=, > or >= and a number", *at);
}

static int parse_number(const char **at, double *out, struct err_note *why)
{
	struct slice text = {*at, strcspn(*at, " \t\r\n")};
	if (number_parse(text, out) != 0)
		return err_set(why, ERR_INVALID, "--having: \"%.40s\" is not a number",
			       text.length ? *at : "");
	*at = skip_blanks(*at + text.length);
	return 0;
}

static int parse_condition(struct query_options *options, const char **at, struct err_note *why)
{
	struct query_having *having = &options->having;
	struct query_stat stat;
	if (having->count == QUERY_CONDITIONS_MAX)
		return err_set(why, ERR_FULL, "--having has more than %d conditions",
			       QUERY_CONDITIONS_MAX);
	struct query_condition *condition = &having->conditions[having->count++];
	size_t length = statistic_length(*at);
	const char *text = arena_copy(&options->arena, *at, length);
	int rc = query_stat_parse(options, "--having", text, &stat, why);
	if (rc)
		return rc;
	condition->measure = stat.measure;
	*at = skip_blanks(*at + length);
	rc = parse_operator(at, &condition->threshold.compare, why);
	return rc ? rc : parse_number(at, &condition->threshold.number, why);
}

int query_having_parse(struct query_options *options, const char *text, struct err_note *why)
{
	const char *at = skip_blanks(text);
	options->having.count = 0;
	for (;;) {
		int rc = parse_condition(options, &at, why);
		if (rc || !*at)
			return rc;
		size_t length = strcspn(at, " \t\r\n");
		if (length != 3 || strncmp(at, "and", 3) != 0)
			return err_set(why, ERR_INVALID,
				       "--having: \"%.40s\": conditions are joined by \"and\"", at);
		at = skip_blanks(at + length);
	}
}

bool query_having_holds(const struct query_having *having, const struct cell_layout *layout,
			const struct aggregate *cells)
{
	double number;
	for (uint32_t i = 0; i < having->count; i++) {
		const struct query_condition *condition = &having->conditions[i];
		if (!measure_value(layout, cells, &condition->measure, having->span_ms, &number) ||
		    !threshold_holds(&condition->threshold, number))
			return false;
	}
	return true;
}
