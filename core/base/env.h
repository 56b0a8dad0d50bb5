/** env.h - everything that is outside the program and not the same twice: clock, random, files.
 *
 *  Timers and sockets are the loop's half of the environment (core/loop/loop.h, conn.h).
 *  A live run uses env_live(); tests, replay and simulation pass their own ops.
 *  Nothing else in core/ may call time(), clock_gettime(), getrandom(), open() or read().
 *  (Exceptions, by tests/tidy: kv_rocksdb, the log's own stamp, lua/host/loader reading scripts.)
 *
 *  Owner: an env is borrowed by everything that receives it; it outlives them all.
 */
#ifndef TOCSIN_CORE_BASE_ENV_H
#define TOCSIN_CORE_BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err_note;

enum { FILE_IDENTITY_BYTES_MAX = 96 };

/** `identity` is stable over rename and truncate and new after delete + create: device, handle
 *  (inode + generation) and birth time, as hex text. Not comparable between machines. */
struct file_info {
	uint64_t size_bytes;
	bool is_regular;
	char identity[FILE_IDENTITY_BYTES_MAX];
};

enum file_mode { FILE_READ, FILE_APPEND /**< created 0640 when absent */ };

struct env_ops {
	int64_t (*wall_ms)(void *self); /**< Unix epoch, milliseconds */
	int64_t (*mono_ms)(void *self);
	void (*random)(void *self, void *out, size_t length);
	int (*file_open)(void *self, int *fd, const char *path, enum file_mode mode,
			 struct err_note *why); /**< ERR_NOT_FOUND, ERR_IO */
	/** Bytes read, 0 at the end, ERR_AGAIN or ERR_IO. A pipe has no positions. */
	ssize_t (*file_read)(void *self, int fd, void *out, size_t length, uint64_t offset);
	int (*file_append)(void *self, int fd, const void *data, size_t length,
			   struct err_note *why); /**< all of it, or ERR_IO */
	int (*file_sync)(void *self, int fd, struct err_note *why);
	int (*file_info)(void *self, int fd, struct file_info *out, struct err_note *why);
	int (*path_info)(void *self, const char *path, struct file_info *out, struct err_note *why);
	/** Paths that match a glob(7) pattern, sorted; calls `each` for every one. */
	int (*glob)(void *self, const char *pattern, void (*each)(void *arg, const char *path),
		    void *arg, struct err_note *why);
	void (*file_close)(void *self, int fd);
};

struct env {
	const struct env_ops *ops;
	void *self;
};

/** The real machine. Shared, never freed. */
const struct env *env_live(void);

static inline int64_t env_wall_ms(const struct env *env)
{
	return env->ops->wall_ms(env->self);
}
static inline int64_t env_mono_ms(const struct env *env)
{
	return env->ops->mono_ms(env->self);
}
static inline void env_random(const struct env *env, void *out, size_t length)
{
	env->ops->random(env->self, out, length);
}

#endif
