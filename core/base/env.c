#include "core/base/env.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/base/err.h"
#include "core/base/require.h"

enum { HANDLE_BYTES_PLAIN_MAX = 16, HANDLE_TEXT_BYTES_MAX = 48, FILE_MODE_CREATED = 0640 };

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	REQUIRE(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t live_wall_ms(void *self)
{
	(void)self;
	return clock_ms(CLOCK_REALTIME);
}

static int64_t live_mono_ms(void *self)
{
	(void)self;
	return clock_ms(CLOCK_MONOTONIC);
}

static void live_random(void *self, void *out, size_t length)
{
	char *at = out;

	(void)self;
	while (length > 0) {
		ssize_t got = getrandom(at, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		REQUIRE(got > 0);
		at += got;
		length -= (size_t)got;
	}
}

static int path_error(struct err_note *why, int number, const char *verb, const char *path)
{
	int code = number == ENOENT || number == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;

	return err_errno(why, code, number, "cannot %s \"%s\"", verb, path);
}

static int live_file_open(void *self, int *fd, const char *path, enum file_mode mode,
			  struct err_note *why)
{
	int flags = O_CLOEXEC | O_NOCTTY;
	int opened = -1;

	(void)self;
	switch (mode) {
	/* O_NONBLOCK: opening a named pipe that nobody writes to must not stop the program. */
	case FILE_READ: flags |= O_RDONLY | O_NONBLOCK; break;
	case FILE_APPEND: flags |= O_WRONLY | O_APPEND | O_CREAT; break;
	}
	do
		opened = open(path, flags, FILE_MODE_CREATED);
	while (opened < 0 && errno == EINTR);
	if (opened < 0)
		return path_error(why, errno, "open", path);
	*fd = opened;
	return 0;
}

static ssize_t live_file_read(void *self, int fd, void *out, size_t length, uint64_t offset)
{
	ssize_t got;

	(void)self;
	do {
		got = pread(fd, out, length, (off_t)offset);
		if (got < 0 && errno == ESPIPE) /* a pipe has no positions */
			got = read(fd, out, length);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
	return got;
}

static int live_file_append(void *self, int fd, const void *data, size_t length,
			    struct err_note *why)
{
	const char *at = data;

	(void)self;
	while (length > 0) {
		ssize_t written = write(fd, at, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_errno(why, ERR_IO, errno, "cannot write to a file");
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

static int live_file_sync(void *self, int fd, struct err_note *why)
{
	(void)self;
	if (fdatasync(fd) != 0)
		return err_errno(why, ERR_IO, errno, "cannot sync a file to its disk");
	return 0;
}

/* The file handle as text: it holds inode and generation, and the generation changes when an inode
 * number is used again. Long handles (network and stacked file systems) are kept as their hash. */
static void handle_text(int fd, uint64_t inode, char out[HANDLE_TEXT_BYTES_MAX])
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file;
	int mount_id, length = 0;

	memset(&file, 0, sizeof(file));
	file.handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", &file.handle, &mount_id, AT_EMPTY_PATH) != 0) {
		snprintf(out, HANDLE_TEXT_BYTES_MAX, "i%" PRIx64, inode);
		return;
	}
	if (file.handle.handle_bytes > HANDLE_BYTES_PLAIN_MAX) {
		XXH128_hash_t hash = XXH3_128bits(file.handle.f_handle, file.handle.handle_bytes);

		snprintf(out, HANDLE_TEXT_BYTES_MAX, "x%016" PRIx64 "%016" PRIx64,
			 (uint64_t)hash.high64, (uint64_t)hash.low64);
		return;
	}
	out[length++] = 'h';
	for (unsigned i = 0; i < file.handle.handle_bytes; i++)
		length += snprintf(out + length, HANDLE_TEXT_BYTES_MAX - (size_t)length, "%02x",
				   file.handle.f_handle[i]);
}

static int fd_info(int fd, struct file_info *out, int *number)
{
	char handle[HANDLE_TEXT_BYTES_MAX];
	struct statx facts;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &facts) != 0) {
		*number = errno;
		return ERR_IO;
	}
	if ((facts.stx_mask & STATX_BTIME) == 0)
		memset(&facts.stx_btime, 0, sizeof(facts.stx_btime));
	handle_text(fd, facts.stx_ino, handle);
	out->size_bytes = facts.stx_size;
	out->is_regular = S_ISREG(facts.stx_mode);
	snprintf(out->identity, sizeof(out->identity), "%x:%x.%s.%" PRIx64 ".%x",
		 facts.stx_dev_major, facts.stx_dev_minor, handle, (uint64_t)facts.stx_btime.tv_sec,
		 facts.stx_btime.tv_nsec);
	return 0;
}

static int live_file_info(void *self, int fd, struct file_info *out, struct err_note *why)
{
	int number = 0;

	(void)self;
	if (fd_info(fd, out, &number) != 0)
		return err_errno(why, ERR_IO, number, "cannot look at an open file");
	return 0;
}

static int live_path_info(void *self, const char *path, struct file_info *out, struct err_note *why)
{
	int number = 0;
	/* One O_PATH descriptor for all questions: the path may be renamed between two of them. */
	int fd = open(path, O_PATH | O_CLOEXEC);

	(void)self;
	if (fd < 0)
		return path_error(why, errno, "look at", path);
	int code = fd_info(fd, out, &number);
	close(fd);
	return code == 0 ? 0 : path_error(why, number, "look at", path);
}

static int live_glob(void *self, const char *pattern, void (*each)(void *arg, const char *path),
		     void *arg, struct err_note *why)
{
	glob_t found;
	int result = glob(pattern, 0, NULL, &found);

	(void)self;
	if (result == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			each(arg, found.gl_pathv[i]);
	globfree(&found);
	if (result != 0 && result != GLOB_NOMATCH)
		return err_set(why, ERR_IO, "cannot list the files of \"%s\"", pattern);
	return 0;
}

static void live_file_close(void *self, int fd)
{
	(void)self;
	close(fd);
}

const struct env *env_live(void)
{
	static const struct env_ops ops = {
		.wall_ms = live_wall_ms,
		.mono_ms = live_mono_ms,
		.random = live_random,
		.file_open = live_file_open,
		.file_read = live_file_read,
		.file_append = live_file_append,
		.file_sync = live_file_sync,
		.file_info = live_file_info,
		.path_info = live_path_info,
		.glob = live_glob,
		.file_close = live_file_close,
	};
	static const struct env live = {&ops, NULL};

	return &live;
}
