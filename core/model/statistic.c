#include "core/model/statistic.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"

static const char *const statistic_names[] = {
#define STATISTIC_TEXT(name, text) [STATISTIC_##name] = text,
	STATISTIC_LIST(STATISTIC_TEXT)
#undef STATISTIC_TEXT
};

const char *statistic_name(enum statistic statistic)
{
	return statistic_names[statistic];
}

int statistic_parse(const char *text)
{
	for (int i = 0; i < STATISTIC_PERCENTILE; i++)
		if (strcmp(text, statistic_names[i]) == 0)
			return i;
	return -1;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One text for one percentile: "p05", "p50.0" and "p0" are none. */
static int parse_percentile(const char *text, uint16_t *out_tenths)
{
	unsigned tenths;
	const char *at = text + 1;

	if (text[0] != 'p' || !is_digit(*at))
		return ERR_INVALID;
	tenths = (unsigned)(*at++ - '0') * 10;
	if (tenths > 0 && is_digit(*at))
		tenths = tenths * 10 + (unsigned)(*at++ - '0') * 10;
	if (*at == '.') {
		if (!is_digit(at[1]) || at[1] == '0')
			return ERR_INVALID;
		tenths += (unsigned)(at[1] - '0');
		at += 2;
	}
	if (*at != '\0' || tenths == 0)
		return ERR_INVALID;
	*out_tenths = (uint16_t)tenths;
	return 0;
}

int measure_parse(const char *text, struct measure *out)
{
	int statistic = statistic_parse(text);
	uint16_t tenths = 0;

	if (statistic < 0) {
		if (parse_percentile(text, &tenths) != 0)
			return ERR_INVALID;
		statistic = STATISTIC_PERCENTILE;
	}
	out->statistic = (uint8_t)statistic;
	out->percentile_tenths = tenths;
	return 0;
}

const char *measure_name(const struct measure *measure, char buffer[MEASURE_NAME_BYTES_MAX])
{
	unsigned tenths = measure->percentile_tenths;

	if (measure->statistic != STATISTIC_PERCENTILE)
		return statistic_name(measure_statistic(measure));
	if (tenths % 10 == 0)
		snprintf(buffer, MEASURE_NAME_BYTES_MAX, "p%u", tenths / 10);
	else
		snprintf(buffer, MEASURE_NAME_BYTES_MAX, "p%u.%u", tenths / 10, tenths % 10);
	return buffer;
}

bool statistic_needs_field(enum statistic statistic)
{
	return statistic != STATISTIC_COUNT && statistic != STATISTIC_RATE;
}

bool statistic_needs_number(enum statistic statistic)
{
	return statistic_needs_field(statistic) && statistic != STATISTIC_DISTINCT;
}
