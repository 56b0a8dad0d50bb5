#include <criterion/criterion.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"

static int pipe_end;

/* Each Criterion test is a process of its own, so its stderr may go into a pipe. */
static void catch_stderr(void)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	pipe_end = ends[0];
}

static const char *caught(void)
{
	static char text[65536];
	ssize_t got = read(pipe_end, text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static int lines(const char *text)
{
	int count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

Test(log, line_has_stamp_level_group_text, .init = catch_stderr)
{
	log_warn(INGEST, "source \"%s\" is slow", "pay");
	const char *line = caught();
	/* 2026-11-22T06:00:00.123Z warn ingest: ... */
	cr_assert_eq(strlen(line), 24 + strlen(" warn ingest: source \"pay\" is slow\n"));
	cr_expect_str_eq(line + 24, " warn ingest: source \"pay\" is slow\n");
	cr_expect_eq(line[10], 'T');
	cr_expect_eq(line[23], 'Z');
}

Test(log, levels_below_the_lowest_are_silent, .init = catch_stderr)
{
	log_debug(APP, "off by default");
	cr_expect_str_eq(caught(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug(APP, "now on");
	cr_expect_eq(lines(caught()), 1);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn(APP, "silent");
	cr_expect_str_eq(caught(), "");
}

Test(log, text_cannot_forge_a_line, .init = catch_stderr)
{
	log_error(LUA, "%s",
		  "a\nb\tc\x1b[2J\x7f\xC2\x9B"
		  "31m\xE5\x95\x86");
	cr_expect_str_eq(caught() + 24, " error lua: a\\nb\\tc\\x1b[2J\\x7f\\x9b31m\xE5\x95\x86\n");
}

Test(log, long_text_is_one_cut_line, .init = catch_stderr)
{
	char text[3 * LOG_LINE_BYTES_MAX];

	memset(text, '\x01', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_error(LUA, "%s", text);
	const char *line = caught();
	cr_expect_eq(lines(line), 1);
	cr_expect_leq(strlen(line), LOG_LINE_BYTES_MAX);
	cr_expect_gt(strlen(line), LOG_LINE_BYTES_MAX - 20);
}

Test(log, repeats_are_held_back, .init = catch_stderr)
{
	/* The loop may cross the end of a second: twice the limit, and a line that tells. */
	for (int i = 0; i < 500; i++)
		log_info(RULE, "again %d", i);
	int count = lines(caught());
	cr_expect_geq(count, LOG_REPEATS_PER_S);
	cr_expect_leq(count, 2 * LOG_REPEATS_PER_S + 1);
	log_info(RULE, "something else");
	cr_expect_not_null(strstr(caught(), "something else"));
}

Test(log, what_was_held_back_is_told_with_its_last_text, .init = catch_stderr)
{
	/* 512 bytes apart they share a slot: the second one has the first one's repeats told. */
	static char formats[2][512] = {"refused: %s %d", "other: %s %d"};

	for (int i = 0; i < 50; i++)
		log_write(LOG_LEVEL_WARN, LOG_CONFIG, formats[0], "file", i);
	log_write(LOG_LEVEL_WARN, LOG_CONFIG, formats[1], "file", 0);
	const char *text = caught();
	cr_expect_not_null(strstr(text, "more like \"refused: file 49\" were not written"), "%s",
			   text);
	cr_expect_null(strchr(text, '%'));
}

Test(log, the_last_words_are_never_held_back, .init = catch_stderr)
{
	for (int i = 0; i < 50; i++)
		log_crit(APP, "exiting");
	cr_expect_eq(lines(caught()), 50);
}

Test(log, level_names_are_read)
{
	cr_expect_eq(log_level_parse("debug"), LOG_LEVEL_DEBUG);
	cr_expect_eq(log_level_parse("crit"), LOG_LEVEL_CRIT);
	cr_expect_eq(log_level_parse("loud"), -1);
}
