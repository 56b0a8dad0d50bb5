#include "core/base/secret.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/mem.h"

static char reference[] = "file:/tmp/tocsin-secret-XXXXXX";
static const char *const path = reference + 5;

static void make_file(void)
{
	int fd = mkstemp(reference + 5);
	cr_assert(fd >= 0);
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
}

/* `length` times 'k', then `end`. */
static void write_file(size_t length, const char *end)
{
	FILE *file = fopen(path, "w");
	cr_assert_not_null(file);
	for (size_t i = 0; i < length; i++)
		fputc('k', file);
	fputs(end, file);
	cr_assert_eq(fclose(file), 0);
}

static void expect_secret(size_t length)
{
	struct err_note why = {""};
	char *secret = NULL;
	cr_assert_eq(secret_read(reference, &secret, &why), 0, "%s", why.text);
	cr_expect_eq(strlen(secret), length);
	cr_expect_eq(strspn(secret, "k"), length);
	mem_free(secret);
}

static void expect_fault(const char *text, int code, const char *part)
{
	struct err_note why = {""};
	char *secret = NULL;
	cr_expect_eq(secret_read(text, &secret, &why), code, "%s", why.text);
	cr_expect_null(secret);
	cr_expect(strstr(why.text, part) != NULL, "%s", why.text);
}

TestSuite(secret, .init = make_file, .fini = remove_file);

Test(secret, any_other_text_is_the_secret_itself)
{
	char *secret = NULL;
	cr_assert_eq(secret_read("files:hunter2", &secret, NULL), 0);
	cr_expect_str_eq(secret, "files:hunter2");
	mem_free(secret);
	expect_fault("", ERR_INVALID, "empty");
}

Test(secret, the_first_line_of_a_file_counts)
{
	write_file(7, "");
	expect_secret(7);
	write_file(8, "\n");
	expect_secret(8);
	write_file(9, "\r\nkk\n");
	expect_secret(9);
}

Test(secret, a_file_may_be_as_long_as_the_limit_and_not_longer)
{
	write_file(SECRET_BYTES_MAX - 1, "\n");
	expect_secret(SECRET_BYTES_MAX - 1);
	write_file(SECRET_BYTES_MAX, "");
	expect_secret(SECRET_BYTES_MAX);
	write_file(SECRET_BYTES_MAX, "\n");
	expect_fault(reference, ERR_INVALID, "4096 bytes");
	write_file(SECRET_BYTES_MAX + 1, "");
	expect_fault(reference, ERR_INVALID, path);
	/* Long after the first line: it may be the wrong file, for example a key ring. */
	write_file(10, "\n");
	cr_assert_eq(truncate(path, SECRET_BYTES_MAX + 1), 0);
	expect_fault(reference, ERR_INVALID, path);
}

Test(secret, an_empty_first_line_is_refused)
{
	write_file(0, "");
	expect_fault(reference, ERR_INVALID, "empty");
	write_file(0, "\nkkk\n");
	expect_fault(reference, ERR_INVALID, "empty");
}

Test(secret, a_file_that_others_can_read_is_refused)
{
	write_file(7, "");
	cr_assert_eq(chmod(path, 0640), 0);
	expect_fault(reference, ERR_DENIED, "chmod 600");
	cr_assert_eq(chmod(path, 0602), 0);
	expect_fault(reference, ERR_DENIED, "chmod 600");
	cr_assert_eq(chmod(path, 0400), 0);
	expect_secret(7);
}

Test(secret, an_absent_file_and_a_folder_are_faults_of_reading)
{
	cr_assert_eq(unlink(path), 0);
	expect_fault(reference, ERR_IO, path);
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_fault(reference, ERR_IO, path);
	cr_assert_eq(rmdir(path), 0);
}

Test(secret, equal_only_to_itself)
{
	cr_expect(secret_equal("abc", "abc"));
	cr_expect(secret_equal("", ""));
	cr_expect_not(secret_equal("abc", "abd"));
	cr_expect_not(secret_equal("abc", "ab"));
	cr_expect_not(secret_equal("ab", "abc"));
	cr_expect_not(secret_equal("abab", "ab"));
	cr_expect_not(secret_equal("", "a"));
	cr_expect_not(secret_equal("a", ""));
}
