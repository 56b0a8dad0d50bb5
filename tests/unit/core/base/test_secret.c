#include "core/base/secret.h"

#include <criterion/criterion.h>

#include "core/base/err.h"
#include "core/base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct secret_file {
	char path[32];
	char reference[40];
	char *secret; /**< what secret_read() gave */
	struct err_note why;
};

/** Writes `length` bytes of `fill`, then `tail`, and reads the file as a secret. */
static int read_back(struct secret_file *file, char fill, size_t length, const char *tail,
		     mode_t mode)
{
	char *text = mem_alloc(length + 1);

	*file = (struct secret_file){.path = "/tmp/tocsin-secret-XXXXXX"};
	int fd = mkstemp(file->path);
	cr_assert_geq(fd, 0);
	memset(text, fill, length);
	cr_assert_eq(write(fd, text, length), (ssize_t)length);
	cr_assert_eq(write(fd, tail, strlen(tail)), (ssize_t)strlen(tail));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
	mem_free(text);
	snprintf(file->reference, sizeof(file->reference), "file:%s", file->path);
	int code = secret_read(file->reference, &file->secret, &file->why);
	unlink(file->path);
	return code;
}

Test(secret, is_the_first_line_of_a_private_file)
{
	struct secret_file file;

	cr_expect_eq(read_back(&file, 'a', 3, "b\r\nmore\n", 0600), 0, "%s", file.why.text);
	cr_expect_str_eq(file.secret, "aaab");
	mem_free(file.secret);
}

Test(secret, refuses_a_file_that_others_can_read_and_an_empty_one)
{
	struct secret_file file;

	cr_expect_eq(read_back(&file, 'a', 3, "", 0640), ERR_DENIED);
	cr_expect_not_null(strstr(file.why.text, file.path), "%s", file.why.text);
	cr_expect_eq(read_back(&file, 'a', 0, "\nmore", 0600), ERR_INVALID);
	cr_expect_null(file.secret);
}

Test(secret, a_line_beyond_the_limit_is_refused_and_not_cut)
{
	struct secret_file file;

	cr_expect_eq(read_back(&file, 'a', SECRET_BYTES_MAX, "\n", 0600), 0);
	cr_expect_eq(strlen(file.secret), SECRET_BYTES_MAX);
	mem_free(file.secret);
	cr_expect_eq(read_back(&file, 'a', SECRET_BYTES_MAX, "", 0600), 0);
	mem_free(file.secret);
	cr_expect_eq(read_back(&file, 'a', SECRET_BYTES_MAX + 1, "\n", 0600), ERR_INVALID);
	cr_expect_not_null(strstr(file.why.text, "4096"), "%s", file.why.text);
}

Test(secret, any_other_text_is_the_secret_itself)
{
	char *secret = NULL;
	struct err_note why = {0};

	cr_expect_eq(secret_read("plain", &secret, &why), 0);
	cr_expect_str_eq(secret, "plain");
	mem_free(secret);
	cr_expect_eq(secret_read("", &secret, &why), ERR_INVALID);
}

Test(secret, equal_means_the_same_bytes_and_length)
{
	cr_expect(secret_equal("abc", "abc"));
	cr_expect(secret_equal("", ""));
	cr_expect_not(secret_equal("abc", "abd"));
	cr_expect_not(secret_equal("abc", "abcabc"));
	cr_expect_not(secret_equal("abcabc", "abc"));
	cr_expect_not(secret_equal("abc", ""));
	cr_expect_not(secret_equal("", "abc"));
}
