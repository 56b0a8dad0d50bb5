#include "core/base/secret.h"

#include "core/base/err.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until the end or until `text` is full: one read() may give less than there is. */
static ssize_t read_all(int fd, char *text, size_t bytes)
{
	size_t length = 0;
	while (length < bytes) {
		ssize_t got = read(fd, text + length, bytes - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return got;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

static int check_mode(int fd, const char *path, struct err_note *why)
{
	struct stat info;
	if (fd < 0 || fstat(fd, &info) != 0)
		return err_errno(why, ERR_IO, errno, "cannot read the secret file %s", path);
	if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return err_set(why, ERR_DENIED,
			       "the secret file %s can be read by others: chmod 600 it", path);
	return 0;
}

static int read_file(const char *path, char **out, struct err_note *why)
{
	char text[SECRET_BYTES_MAX + 1]; /* one more byte tells a file that is too long */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int code = check_mode(fd, path, why);
	ssize_t length = 0;
	if (code == 0 && (length = read_all(fd, text, sizeof(text))) < 0)
		code = err_errno(why, ERR_IO, errno, "cannot read the secret file %s", path);
	else if (length > SECRET_BYTES_MAX)
		code = err_set(why, ERR_INVALID,
			       "the secret file %s is longer than the %d bytes a secret may have",
			       path, SECRET_BYTES_MAX);
	if (fd >= 0)
		close(fd);
	if (code == 0) {
		text[length] = '\0';
		text[strcspn(text, "\r\n")] = '\0';
		if (text[0] == '\0')
			code = err_set(why, ERR_INVALID, "the secret file %s is empty", path);
		else
			*out = mem_copy_text(text);
	}
	explicit_bzero(text, sizeof(text));
	return code;
}

int secret_read(const char *reference, char **out, struct err_note *why)
{
	if (strncmp(reference, "file:", 5) == 0)
		return read_file(reference + 5, out, why);
	if (strncmp(reference, "env:", 4) == 0) {
		const char *value = getenv(reference + 4);
		if (value == NULL || value[0] == '\0')
			return err_set(why, ERR_NOT_FOUND,
				       "the environment has no variable %s for a secret",
				       reference + 4);
		if (strlen(value) > SECRET_BYTES_MAX)
			return err_set(why, ERR_INVALID,
				       "the secret in the variable %s is longer than %d bytes",
				       reference + 4, SECRET_BYTES_MAX);
		*out = mem_copy_text(value);
		return 0;
	}
	if (reference[0] == '\0')
		return err_set(why, ERR_INVALID, "a secret must not be empty");
	*out = mem_copy_text(reference);
	return 0;
}

bool secret_equal(const char *a, const char *b)
{
	size_t a_length = strlen(a), b_length = strlen(b);
	volatile unsigned char difference = a_length != b_length;
	for (size_t i = 0; i < a_length; i++)
		difference |= (unsigned char)(a[i] ^ b[b_length > 0 ? i % b_length : 0]);
	return difference == 0;
}
