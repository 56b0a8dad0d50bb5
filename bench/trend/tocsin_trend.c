/* tocsin-trend: the method of `trend` rules over series on standard input, for bench/trend.py.
 *
 *     tocsin-trend sudden_drop medium 288 20  <  "value yesterday last_week" a line, "-" for none;
 *                                                an empty line begins another series
 *
 * One line of answer each: verdict (0 unknown, 1 quiet, 2 rings), expected, score. */
#include "core/trend/trend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_number(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && *end == '\0';
}

static int usage(void)
{
	fputs("Usage: tocsin-trend KIND SENSITIVITY SLOTS_A_DAY SAMPLES_MIN < series\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct trend_spec spec = {.is_count = true};
	struct trend_state state = TREND_STATE_NEW;
	char line[256];

	if (argc != 5 || !trend_parse(argv[1], &spec) ||
	    !trend_sensitivity_parse(argv[2], &spec.sensitivity) ||
	    !read_number(argv[4], &spec.samples_min))
		return usage();
	spec.slots_a_day = (uint32_t)strtoul(argv[3], NULL, 10);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct trend_slot slot = {.has_value = true};
		struct trend_answer answer;
		char texts[3][64];

		if (line[0] == '\n') {
			state = TREND_STATE_NEW;
			continue;
		}
		if (sscanf(line, "%63s %63s %63s", texts[0], texts[1], texts[2]) != 3 ||
		    !read_number(texts[0], &slot.value))
			return usage();
		slot.samples = slot.value;
		for (unsigned i = 0; i < 2; i++)
			slot.has_reference[i] = read_number(texts[1 + i], &slot.reference[i]);
		trend_step(&state, &spec, &slot, &answer);
		printf("%d %.6g %.6g\n", (int)answer.verdict, answer.expected, answer.score);
	}
	return fflush(stdout) == 0 && !ferror(stdin) ? 0 : 1;
}
