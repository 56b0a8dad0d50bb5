#include <criterion/criterion.h>

#include "core/base/report.h"

Test(report, finding_reads_file_line_text)
{
	struct report report;
	char text[100];

	report_init(&report);
	report_add(&report, "rules/slow/1.lua", 12, "unknown field \"%s\"", "amont");
	report_add(&report, "tocsin.lua", 0, "is empty");
	cr_assert_eq(report.count, 2);
	finding_format(&report.findings[0], text, sizeof(text));
	cr_expect_str_eq(text, "rules/slow/1.lua:12: unknown field \"amont\"");
	finding_format(&report.findings[1], text, sizeof(text));
	cr_expect_str_eq(text, "tocsin.lua: is empty");
	report_deinit(&report);
}

Test(report, findings_past_the_limit_are_counted)
{
	struct report report;

	report_init(&report);
	for (int i = 0; i < REPORT_FINDINGS_MAX + 2; i++)
		report_add(&report, "a", i, "b");
	cr_expect_eq(report.count, REPORT_FINDINGS_MAX);
	cr_expect_eq(report.dropped_count, 2);
	report_deinit(&report);
}

Test(report, nearest_name_is_suggested)
{
	static const char *const names[] = {"window", "threshold", "severity", "by", NULL};

	cr_expect_str_eq(report_nearest("windwo", names), "window");      /* neighbours swapped */
	cr_expect_str_eq(report_nearest("treshold", names), "threshold"); /* one left out */
	cr_expect_str_eq(report_nearest("severitty", names), "severity");
	cr_expect_str_eq(report_nearest("wiindoww", names), "window"); /* distance 2 */
	cr_expect_str_eq(report_nearest("b", names), "by");
	cr_expect_null(report_nearest("wiinndoww", names)); /* distance 3 */
	cr_expect_null(report_nearest("xz", names));        /* two letters, both wrong */
	cr_expect_null(report_nearest("", names));
}

Test(report, very_long_words_have_no_neighbour)
{
	static const char *const names[] = {"a", NULL};
	char word[200];

	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	cr_expect_null(report_nearest(word, names));
}
