#include "core/base/secret.h"

#include "core/base/err.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_file(const char *path, char **out, struct err_note *why)
{
	char text[SECRET_BYTES_MAX + 2];
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int code = 0;
	ssize_t length = 0;
	if (fd < 0 || fstat(fd, &info) != 0)
		code = err_errno(why, ERR_IO, errno, "cannot read the secret file %s", path);
	else if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		code = err_set(why, ERR_DENIED,
			       "the secret file %s can be read by others: chmod 600 it", path);
	if (code == 0 && (length = read(fd, text, SECRET_BYTES_MAX + 1)) < 0)
		code = err_errno(why, ERR_IO, errno, "cannot read the secret file %s", path);
	if (fd >= 0)
		close(fd);
	if (code != 0)
		return code;
	text[length] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] == '\0')
		return err_set(why, ERR_INVALID, "the secret file %s is empty", path);
	if (strlen(text) > SECRET_BYTES_MAX)
		code = err_set(why, ERR_INVALID,
			       "the first line of the secret file %s is longer than %d bytes", path,
			       SECRET_BYTES_MAX);
	else
		*out = mem_copy_text(text);
	explicit_bzero(text, sizeof(text));
	return code;
}

int secret_read(const char *reference, char **out, struct err_note *why)
{
	if (strncmp(reference, "file:", 5) == 0)
		return read_file(reference + 5, out, why);
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
