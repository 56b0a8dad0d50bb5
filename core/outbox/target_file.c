#include "core/outbox/outbox_internal.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"

#include <string.h>

/* Rows of a group are appended with one write and synced with one fdatasync, unless that is left to
 * the operating system.
 *
 *  A crash between the append and the deletion of the rows repeats them. To make that rare, the
 *  first send of this process looks for recovered rows in the last TAIL_BYTES of the file: what
 *  stands there is not written again. Rows are in the file in the order of the queue, so the
 *  search ends at the first one that is not there. It needs the row's id inside its body; without
 *  it two rows may be equal on purpose.
 *
 *  A file that does not end with a line end was cut in mid-append: the next append begins with
 *  one. */

enum { ROWS_MAX = 256, GROUP_BYTES_MAX = 64 * 1024, TAIL_BYTES = 256 * 1024 };

struct target_file {
	struct target target;
	const struct env *env;
	char *path;
	int fd;
	char identity[FILE_IDENTITY_BYTES_MAX];
	struct bytes buffer;
	struct bytes tail; /* while is_searching */
	bool is_synced;    /* after each group */
	bool is_searching; /* no row of this process is in the file yet */
	bool must_end_line;
	bool must_sync_directory; /* the file was made, its name may not be on the disk yet */
};

static struct target_file *file_of(struct target *target)
{
	return (struct target_file *)target;
}

static void close_file(struct target_file *file)
{
	if (file->fd >= 0)
		file->env->ops->file_close(file->env->self, file->fd);
	file->fd = -1;
}

/* The end of what is there: as much as the search wants, or the last byte. ERR_NOT_FOUND: no file
 * is there. */
static int read_tail(struct target_file *file, struct err_note *why)
{
	const struct env_ops *ops = file->env->ops;
	struct file_info info;
	uint64_t wanted = file->is_searching ? TAIL_BYTES : 1;
	uint64_t offset;
	int fd = -1;
	int code = ops->file_open(file->env->self, &fd, file->path, FILE_READ, why);

	bytes_clear(&file->tail);
	if (code < 0)
		return code;
	code = ops->file_info(file->env->self, fd, &info, why);
	/* A FIFO or a device has no end to look at, and reading would take data away from its
	 * reader. */
	if (code == 0 && info.is_regular) {
		offset = info.size_bytes > wanted ? info.size_bytes - wanted : 0;
		while (code == 0 && offset < info.size_bytes) {
			char block[16 * 1024];
			ssize_t length =
				ops->file_read(file->env->self, fd, block, sizeof(block), offset);

			if (length <= 0) {
				code = err_set(why, ERR_IO, "Reading the end of \"%s\" failed.",
					       file->path);
				break;
			}
			bytes_append(&file->tail, block, (size_t)length);
			offset += (uint64_t)length;
		}
	}
	ops->file_close(file->env->self, fd);
	return code;
}

/* A new name is as good as its directory on the disk. */
static int sync_directory(struct target_file *file, struct err_note *why)
{
	const struct env_ops *ops = file->env->ops;
	const char *slash = strrchr(file->path, '/');
	char *directory = slash ? mem_copy_bytes(file->path, (size_t)(slash - file->path) + 1)
				: mem_copy_text(".");
	int fd = -1;
	int code = ops->file_open(file->env->self, &fd, directory, FILE_READ, why);

	mem_free(directory);
	if (code < 0)
		return code;
	code = ops->file_sync(file->env->self, fd, why);
	ops->file_close(file->env->self, fd);
	return code;
}

static int open_file(struct target_file *file, struct err_note *why)
{
	const struct env_ops *ops = file->env->ops;
	struct file_info info;
	int code = read_tail(file, why);

	if (code == ERR_NOT_FOUND)
		file->must_sync_directory = true;
	else if (code < 0)
		return code;
	file->must_end_line =
		file->tail.length > 0 && file->tail.data[file->tail.length - 1] != '\n';
	code = ops->file_open(file->env->self, &file->fd, file->path, FILE_APPEND, why);
	if (code < 0) {
		file->fd = -1;
		return code;
	}
	code = ops->file_info(file->env->self, file->fd, &info, why);
	if (code == 0 && file->must_sync_directory)
		code = sync_directory(file, why);
	if (code < 0) {
		close_file(file);
		return code;
	}
	file->must_sync_directory = false;
	memcpy(file->identity, info.identity, sizeof(file->identity));
	return 0;
}

/* Opens it again when a log rotation took the file away from under its name. */
static int ensure_open(struct target_file *file, struct err_note *why)
{
	struct file_info info;

	if (file->fd >= 0 &&
	    (file->env->ops->path_info(file->env->self, file->path, &info, NULL) < 0 ||
	     strcmp(info.identity, file->identity) != 0))
		close_file(file);
	return file->fd >= 0 ? 0 : open_file(file, why);
}

static bool is_line_of(const struct bytes *tail, struct slice line)
{
	const char *at = tail->data;
	const char *end = tail->data + tail->length;

	while (tail->length > 0 && (at = memmem(at, (size_t)(end - at), line.data, line.length))) {
		bool is_start = at == tail->data || at[-1] == '\n';
		bool is_end = at + line.length == end || at[line.length] == '\n';

		if (is_start && is_end)
			return true;
		at++;
	}
	return false;
}

static bool is_there(struct target_file *file, const struct outbox_row *row)
{
	if (!file->is_searching)
		return false;
	if (row->is_recovered &&
	    memmem(row->body.data, row->body.length, row->id, strlen(row->id)) &&
	    is_line_of(&file->tail, row->body))
		return true;
	file->is_searching = false;
	bytes_deinit(&file->tail);
	return false;
}

static void file_send(struct target *target, const struct outbox_row *rows, uint32_t row_count)
{
	struct target_file *file = file_of(target);
	const struct env_ops *ops = file->env->ops;
	struct err_note why = {""};
	int code = ensure_open(file, &why);

	bytes_clear(&file->buffer);
	for (uint32_t index = 0; code == 0 && index < row_count; index++) {
		if (is_there(file, &rows[index]))
			continue;
		if (file->buffer.length == 0 && file->must_end_line)
			bytes_append_char(&file->buffer, '\n');
		bytes_append_slice(&file->buffer, rows[index].body);
		bytes_append_char(&file->buffer, '\n');
	}
	if (code == 0 && file->buffer.length > 0) {
		code = ops->file_append(file->env->self, file->fd, file->buffer.data,
					file->buffer.length, &why);
		file->must_end_line = false;
	}
	/* Also when every row was there: the process that wrote them may not have come to its
	 * sync. */
	if (code == 0 && file->is_synced)
		code = ops->file_sync(file->env->self, file->fd, &why);
	if (code == 0) {
		target_finish(target, row_count, SEND_DELIVERED, NULL);
		return;
	}
	/* What is in the file now is not known: look at its end again, and write the rows again
	 * whatever it shows, for pages of a failed sync are seen though they may never reach the
	 * disk. */
	if (file->fd >= 0) {
		file->is_searching = false;
		err_prefix(&why, "%s", file->path); /* of an open, the sentence has it already */
	}
	close_file(file);
	target_finish(target, 0, SEND_RETRY, why.text);
}

static void file_free(struct target *target)
{
	struct target_file *file = file_of(target);

	close_file(file);
	bytes_deinit(&file->buffer);
	bytes_deinit(&file->tail);
	mem_free(file->path);
	mem_free(file);
}

static const struct target_ops file_ops = {
	.rows_max = ROWS_MAX,
	.bytes_max = GROUP_BYTES_MAX,
	.send = file_send,
	.free = file_free,
};

struct target *target_file_new(const struct env *env, const char *path, bool is_synced)
{
	struct target_file *file = mem_alloc(sizeof(*file));

	file->target.ops = &file_ops;
	file->env = env;
	file->path = mem_copy_text(path);
	file->fd = -1;
	file->is_searching = true;
	file->is_synced = is_synced;
	return &file->target;
}
