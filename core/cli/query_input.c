#include "core/cli/query_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/env.h"
#include "core/base/err.h"

static bool is_gzip(const struct query_input *input)
{
	char magic[2];
	return input->is_regular &&
	       input->env->ops->file_read(input->env->self, input->fd, magic, 2, 0) == 2 &&
	       magic[0] == '\x1f' && magic[1] == '\x8b';
}

int query_input_open(struct query_input *input, const struct env *env, const char *path,
		     struct err_note *why)
{
	struct file_info info;
	*input = (struct query_input){.env = env, .path = path, .fd = STDIN_FILENO};
	input->is_stdin = strcmp(path, "-") == 0;
	if (input->is_stdin)
		return 0;
	int rc = env->ops->file_open(env->self, &input->fd, path, FILE_READ, why);
	if (rc)
		return rc;
	if (env->ops->file_info(env->self, input->fd, &info, NULL) == 0) {
		input->is_regular = info.is_regular;
		input->size_bytes = info.is_regular ? info.size_bytes : 0;
	}
	if (is_gzip(input)) {
		query_input_close(input);
		return err_set(why, ERR_UNSUPPORTED,
			       "%s is packed with gzip: unpack it first, as in zcat %s | … -", path,
			       path);
	}
	return 0;
}

void query_input_close(struct query_input *input)
{
	if (!input->is_stdin)
		input->env->ops->file_close(input->env->self, input->fd);
}

int query_input_read(struct query_input *input, char *out, size_t length, size_t *out_length,
		     struct err_note *why)
{
	ssize_t got;
	do {
		/* The environment reads at an offset, which a pipe has not. */
		got = input->is_regular ? input->env->ops->file_read(input->env->self, input->fd,
								     out, length, input->read_bytes)
					: read(input->fd, out, length);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(why, ERR_IO, errno, "cannot read %s",
				 input->is_stdin ? "standard input" : input->path);
	input->read_bytes += (uint64_t)got;
	*out_length = (size_t)got;
	return 0;
}
