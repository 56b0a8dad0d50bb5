#include "core/cli/line_diff.h"

#include "core/base/bytes.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(const char *from, const char *to, const char *expected)
{
	struct bytes out = BYTES_EMPTY;

	cr_expect_eq(line_diff(from, "a", to, "b", &out), expected[0] != '\0');
	cr_expect_str_eq(out.length > 0 ? out.data : "", expected);
	bytes_deinit(&out);
}

Test(line_diff, equal_texts_have_none)
{
	expect("", "", "");
	expect("x\ny\n", "x\ny\n", "");
	expect("x", "x", "");
}

Test(line_diff, one_line_is_changed_added_or_removed)
{
	expect("x\n", "y\n", "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n");
	expect("", "y\n", "--- a\n+++ b\n@@ -0,0 +1 @@\n+y\n");
	expect("x\n", "", "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
	expect("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n6\n7\n8\n9\n",
	       "--- a\n+++ b\n@@ -2,7 +2,6 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n");
}

Test(line_diff, a_missing_line_end_is_said)
{
	expect("x\ny", "x\ny\n",
	       "--- a\n+++ b\n@@ -1,2 +1,2 @@\n x\n-y\n\\ No newline at end of file\n+y\n");
}

Test(line_diff, far_changes_have_hunks_of_their_own_and_near_ones_share)
{
	expect("1\nA\n2\n3\n4\n5\n6\n7\nB\n8\n", "1\na\n2\n3\n4\n5\n6\n7\nb\n8\n",
	       "--- a\n+++ b\n@@ -1,10 +1,10 @@\n 1\n-A\n+a\n 2\n 3\n 4\n 5\n 6\n 7\n-B\n+b\n 8\n");
	expect("A\n2\n3\n4\n5\n6\n7\n8\nB\n", "a\n2\n3\n4\n5\n6\n7\n8\nb\n",
	       "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-A\n+a\n 2\n 3\n 4\n"
	       "@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-B\n+b\n");
}

/** Lines of numbers from a small set, so that equal ones abound. */
static void fill(struct bytes *text, unsigned *seed, int count, int kinds)
{
	bytes_clear(text);
	for (int i = 0; i < count; i++) {
		*seed = *seed * 1103515245 + 12345;
		bytes_append_format(text, "line %u\n", (*seed >> 16) % (unsigned)kinds);
	}
}

/** An independent reader of the diff: applies it to `from`. */
static void apply(const char *from, const char *diff, struct bytes *out)
{
	const char *at = from;
	unsigned line = 1;

	bytes_clear(out);
	diff = strstr(diff, "@@ ");
	for (; diff != NULL && *diff != '\0'; diff = strchr(diff, '\n') + 1) {
		size_t length = strcspn(diff, "\n");
		unsigned first, count = 1;

		if (diff[0] == '@') {
			int read = sscanf(diff, "@@ -%u,%u", &first, &count);

			first += read == 2 && count == 0;
			for (; line < first; line++) {
				size_t passed = strcspn(at, "\n") + 1;

				bytes_append(out, at, passed);
				at += passed;
			}
			continue;
		}
		if (diff[0] != '-')
			bytes_append(out, diff + 1, length);
		if (diff[0] == '+')
			continue;
		cr_assert_eq(strncmp(at, diff + 1, length), 0, "the diff does not fit");
		at += length;
		line++;
	}
	bytes_append_text(out, at);
}

Test(line_diff, applied_to_the_first_text_it_gives_the_second)
{
	struct bytes from = BYTES_EMPTY, to = BYTES_EMPTY, diff = BYTES_EMPTY, got = BYTES_EMPTY;
	unsigned seed = 7;

	for (int i = 0; i < 300; i++) {
		fill(&from, &seed, i % 40 + 1, 2 + i % 9);
		fill(&to, &seed, (i * 7) % 45 + 1, 2 + i % 9);
		bytes_clear(&diff);
		line_diff(from.data, "a", to.data, "b", &diff);
		apply(from.data, diff.length > 0 ? diff.data : "", &got);
		cr_assert_str_eq(got.data, to.data, "case %d:\n%s", i, diff.data);
	}
	/* Past the limit of edits it is one big replacement. */
	fill(&from, &seed, 1500, 1000000);
	fill(&to, &seed, 1500, 1000000);
	bytes_clear(&diff);
	cr_expect(line_diff(from.data, "a", to.data, "b", &diff));
	apply(from.data, diff.data, &got);
	cr_expect_str_eq(got.data, to.data);
	bytes_deinit(&from);
	bytes_deinit(&to);
	bytes_deinit(&diff);
	bytes_deinit(&got);
}
