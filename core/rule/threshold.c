#include "core/rule/rule_condition.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/number.h"

#include <string.h>

static const struct {
	const char *text;
	enum compare compare;
} operators[] = {
	/* Longer ones first, so that ">=" is not read as ">" and "=20". */
	{">=", COMPARE_GE}, {"<=", COMPARE_LE}, {"==", COMPARE_EQ},
	{"!=", COMPARE_NE}, {">", COMPARE_GT},  {"<", COMPARE_LT},
};

bool compare_holds(enum compare compare, double value, double number)
{
	switch (compare) {
	case COMPARE_GT: return value > number;
	case COMPARE_GE: return value >= number;
	case COMPARE_LT: return value < number;
	case COMPARE_LE: return value <= number;
	case COMPARE_EQ: return value == number;
	case COMPARE_NE: return value != number;
	}
	return false;
}

bool threshold_holds(const struct threshold *threshold, double value)
{
	return compare_holds(threshold->compare, value, threshold->number);
}

static struct slice trim(struct slice text)
{
	while (text.length > 0 && strchr(" \t", text.data[0]) != NULL) {
		text.data++;
		text.length--;
	}
	while (text.length > 0 && strchr(" \t", text.data[text.length - 1]) != NULL)
		text.length--;
	return text;
}

int threshold_parse(struct arena *arena, const char *text, struct threshold *out,
		    struct err_note *why)
{
	struct slice rest = trim(slice_of(text));
	char number[NUMBER_TEXT_BYTES_MAX];

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t length = strlen(operators[i].text);
		struct slice operand;
		double value;

		if (rest.length < length || memcmp(rest.data, operators[i].text, length) != 0)
			continue;
		operand = trim((struct slice){rest.data + length, rest.length - length});
		if (number_parse(operand, &value) != 0)
			break;
		number_format(value, number);
		*out = (struct threshold){
			.compare = operators[i].compare,
			.number = value,
			.text = arena_format(arena, "%s%s", operators[i].text, number),
		};
		return 0;
	}
	return err_set(why, ERR_INVALID,
		       "\"%.80s\" is not a threshold: one of > >= < <= == != and a number are "
		       "allowed",
		       text);
}
