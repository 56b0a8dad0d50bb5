#include "core/loop/loop_internal.h"

#include "core/base/mem.h"

/*  The virtual clock in front of the real machine: only the two clocks are replaced. */
struct loop_clock {
	struct env_ops ops;
	struct env env;
	int64_t wall_start_ms;
	int64_t mono_ms;
};

static int64_t clock_wall_ms(void *self)
{
	const struct loop_clock *clock = self;
	return clock->wall_start_ms + clock->mono_ms;
}

static int64_t clock_mono_ms(void *self)
{
	return ((const struct loop_clock *)self)->mono_ms;
}

static const struct env_ops *live(void **self)
{
	*self = env_live()->self;
	return env_live()->ops;
}

static void clock_random(void *self, void *out, size_t length)
{
	live(&self)->random(self, out, length);
}

static int clock_file_open(void *self, int *fd, const char *path, enum file_mode mode,
			   struct err_note *why)
{
	return live(&self)->file_open(self, fd, path, mode, why);
}

static ssize_t clock_file_read(void *self, int fd, void *out, size_t length, uint64_t offset)
{
	return live(&self)->file_read(self, fd, out, length, offset);
}

static int clock_file_append(void *self, int fd, const void *data, size_t length,
			     struct err_note *why)
{
	return live(&self)->file_append(self, fd, data, length, why);
}

static int clock_file_sync(void *self, int fd, struct err_note *why)
{
	return live(&self)->file_sync(self, fd, why);
}

static int clock_file_info(void *self, int fd, struct file_info *out, struct err_note *why)
{
	return live(&self)->file_info(self, fd, out, why);
}

static int clock_path_info(void *self, const char *path, struct file_info *out,
			   struct err_note *why)
{
	return live(&self)->path_info(self, path, out, why);
}

static int clock_glob(void *self, const char *pattern, void (*each)(void *arg, const char *path),
		      void *arg, struct err_note *why)
{
	return live(&self)->glob(self, pattern, each, arg, why);
}

static void clock_file_close(void *self, int fd)
{
	live(&self)->file_close(self, fd);
}

struct loop_clock *loop_clock_new(int64_t wall_ms)
{
	struct loop_clock *clock = mem_alloc(sizeof(*clock));

	clock->wall_start_ms = wall_ms;
	clock->ops = (struct env_ops){
		.wall_ms = clock_wall_ms,
		.mono_ms = clock_mono_ms,
		.random = clock_random,
		.file_open = clock_file_open,
		.file_read = clock_file_read,
		.file_append = clock_file_append,
		.file_sync = clock_file_sync,
		.file_info = clock_file_info,
		.path_info = clock_path_info,
		.glob = clock_glob,
		.file_close = clock_file_close,
	};
	clock->env = (struct env){&clock->ops, clock};
	return clock;
}

void loop_clock_free(struct loop_clock *clock)
{
	mem_free(clock);
}

const struct env *loop_clock_env(const struct loop_clock *clock)
{
	return &clock->env;
}

void loop_clock_set(struct loop_clock *clock, int64_t mono_ms)
{
	clock->mono_ms = mono_ms;
}

void loop_clock_step(struct loop_clock *clock, int64_t by_ms)
{
	clock->wall_start_ms += by_ms;
}
