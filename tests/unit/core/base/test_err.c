#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "core/base/err.h"

Test(err, set_writes_the_sentence_and_returns_the_code)
{
	struct err_note why = {0};

	cr_expect_eq(err_set(&why, ERR_RANGE, "rule \"%s\" has %d fields", "slow", 9), ERR_RANGE);
	cr_expect_str_eq(why.text, "rule \"slow\" has 9 fields");
}

Test(err, a_note_nobody_reads_may_be_null)
{
	cr_expect_eq(err_set(NULL, ERR_IO, "text"), ERR_IO);
	cr_expect_eq(err_errno(NULL, ERR_IO, EIO, "text"), ERR_IO);
	err_prefix(NULL, "context");
}

Test(err, errno_sentence_ends_with_the_system_reason)
{
	struct err_note why = {0};

	err_errno(&why, ERR_NOT_FOUND, ENOENT, "cannot open \"%s\"", "a.log");
	cr_expect_str_eq(why.text, "cannot open \"a.log\": No such file or directory");
}

Test(err, prefix_goes_in_front)
{
	struct err_note why = {0};

	err_set(&why, ERR_IO, "disk full");
	err_prefix(&why, "source %d", 3);
	cr_expect_str_eq(why.text, "source 3: disk full");
}

Test(err, a_sentence_may_be_built_from_itself)
{
	struct err_note why = {0};

	err_set(&why, ERR_IO, "inner");
	err_set(&why, ERR_IO, "outer (%s)", why.text);
	cr_expect_str_eq(why.text, "outer (inner)");
}

Test(err, sentence_is_cut_at_the_limit)
{
	char longer[ERR_NOTE_BYTES_MAX + 10];
	struct err_note why = {0};

	memset(longer, 'x', sizeof(longer));
	for (size_t length = ERR_NOTE_BYTES_MAX - 2; length <= ERR_NOTE_BYTES_MAX; length++) {
		err_set(&why, ERR_IO, "%.*s", (int)length, longer);
		size_t kept = length < ERR_NOTE_BYTES_MAX - 1 ? length : ERR_NOTE_BYTES_MAX - 1;
		cr_expect_eq(strlen(why.text), kept);
	}
}

Test(err, cut_never_splits_a_character)
{
	char text[ERR_NOTE_BYTES_MAX + 3];
	struct err_note why = {0};

	memset(text, 'x', sizeof(text));
	memcpy(text + ERR_NOTE_BYTES_MAX - 2, "\xE5\x95\x86", 4); /* 商 across the limit */
	err_set(&why, ERR_IO, "%s", text);
	cr_expect_eq(strlen(why.text), ERR_NOTE_BYTES_MAX - 2);
	cr_expect_eq(why.text[ERR_NOTE_BYTES_MAX - 3], 'x');
}

Test(err, every_code_has_name_and_sentence)
{
	cr_expect_str_eq(err_name(ERR_IO), "ERR_IO");
	cr_expect_str_eq(err_name(ERR_EXISTS), "ERR_EXISTS");
	cr_expect_str_eq(err_sentence(ERR_RANGE), "a value is outside its limits");
	cr_expect_str_eq(err_name(0), "OK");
	cr_expect_not_null(err_name(-12345));
	cr_expect_not_null(err_sentence(-12345));
}
