#include "core/ingest/source_file_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/*  Directories tell of new files, renames and deletions, each followed file of what is appended to
 *  it. All of it is only a hint to look sooner; a lost event costs at most one scan interval. The
 *  exception is deletion, which the scan cannot tell from a rename to a name it does not know: only
 *  when it was seen here is the stored position forgotten. */

enum { DIRECTORIES_MAX = 1024, EVENT_BYTES = 16 * 1024 };

/*  What happens after some silence is looked at at once. While it keeps happening, BURST times, and
 *  then each PACE_MS: reading a few lines, and committing them, costs as much as reading a hundred.
 *
 *  A file tells once and is armed again, so a busy one has a pace of its own: it is not armed, but
 *  looked at each PACE_MS as long as it grows. A quiet file beside it, and other files of the
 *  directory, are neither delayed nor a cost. Events of directories share one pace. */
enum { PACE_MS = 40, BURST = 8 };
enum { WATCHED = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR };

struct directory {
	int id;
	char *path; /**< with the slash at its end, or "" */
};

struct directory_watch {
	struct file_tail *tail;
	int fd;
	struct watch *watch;
	struct timer *pace;
	int64_t paced_ms; /**< when all that was read would have been due at one each PACE_MS */
	struct directory *directories;
	uint32_t count;
};

static const struct directory *find_directory(const struct directory_watch *watch, int id)
{
	for (uint32_t i = 0; i < watch->count; i++) {
		if (watch->directories[i].id == id)
			return &watch->directories[i];
	}
	return NULL;
}

static void forget_directory(struct directory_watch *watch, int id)
{
	for (uint32_t i = 0; i < watch->count; i++) {
		if (watch->directories[i].id != id)
			continue;
		mem_free(watch->directories[i].path);
		watch->directories[i] = watch->directories[--watch->count];
		return;
	}
}

static bool is_at(const struct tail_file *file, const struct directory *directory, const char *name)
{
	size_t length = strlen(directory->path);

	return !file->has_left && strncmp(file->path, directory->path, length) == 0 &&
	       strcmp(file->path + length, name) == 0;
}

static void on_named_event(struct directory_watch *watch, const struct inotify_event *event)
{
	const struct directory *directory = find_directory(watch, event->wd);

	if (!directory)
		return;
	for (struct tail_file *file = watch->tail->files; file; file = file->next_file) {
		if (!is_at(file, directory, event->name))
			continue;
		if (!(event->mask & IN_CREATE)) {
			/* Moved away: it lives on. Deleted, or another file moved over it: gone.
			 * A scan that finds it under this name after all corrects that. */
			file->has_left = true;
			file->is_deleted = !(event->mask & IN_MOVED_FROM);
		}
	}
	file_tail_scan_soon(watch->tail);
}

/** Counts one event; how long the next one has to wait, or less than 1. */
static int64_t count_event(int64_t *paced_ms, int64_t now_ms)
{
	*paced_ms = (*paced_ms > now_ms ? *paced_ms : now_ms) + PACE_MS;
	return *paced_ms - now_ms - (int64_t)BURST * PACE_MS;
}

static void arm(struct tail_file *file)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

	/* The open file, wherever it was moved in the meantime. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	file->watch_id = inotify_add_watch(file->tail->watch->fd, path, IN_MODIFY | IN_ONESHOT);
	if (file->watch_id < 0)
		log_debug(INGEST, "%s: %s has no watch (errno %d), only scans", file->tail->source,
			  file->path, errno);
}

static void on_growth(struct tail_file *file)
{
	file->is_dirty = true;
	file->is_final = false;
	file->is_over = false;
	tail_file_queue(file);
}

static bool has_grown(const struct tail_file *file)
{
	const struct env *env = file->tail->env;
	struct file_info info;

	return env->ops->file_info(env->self, file->fd, &info, NULL) == 0 &&
	       info.size_bytes != file->read_to;
}

static void on_file_pace(void *arg)
{
	struct tail_file *file = arg;

	if (has_grown(file)) {
		timer_set(file->pace, PACE_MS);
		on_growth(file);
		return;
	}
	arm(file);
	if (has_grown(file))
		on_growth(file);
}

static void on_file_event(struct tail_file *file)
{
	int64_t rest_ms = count_event(&file->paced_ms, loop_mono_ms(file->tail->loop));

	file->watch_id = -1;
	if (rest_ms <= 0) {
		arm(file);
	} else {
		if (!file->pace)
			file->pace = timer_new(file->tail->loop, on_file_pace, file);
		timer_set(file->pace, rest_ms);
	}
	on_growth(file);
}

void tail_file_watch(struct tail_file *file)
{
	if (file->tail->watch)
		arm(file);
}

void tail_file_unwatch(struct tail_file *file)
{
	if (file->watch_id >= 0)
		inotify_rm_watch(file->tail->watch->fd, file->watch_id);
	file->watch_id = -1;
	timer_free(file->pace);
	file->pace = NULL;
}

static struct tail_file *find_watched(const struct directory_watch *watch, int id)
{
	struct tail_file *file = watch->tail->files;

	while (file && file->watch_id != id)
		file = file->next_file;
	return file;
}

/** Events were lost, perhaps the one after which a file has to be armed again. */
static void arm_all(struct directory_watch *watch)
{
	for (struct tail_file *file = watch->tail->files; file; file = file->next_file) {
		if (file->watch_id >= 0)
			arm(file);
	}
}

static void on_event(struct directory_watch *watch, const struct inotify_event *event)
{
	struct tail_file *file = event->len ? NULL : find_watched(watch, event->wd);

	if (event->mask & IN_Q_OVERFLOW) {
		arm_all(watch);
		file_tail_scan_soon(watch->tail);
	} else if (file && (event->mask & IN_MODIFY)) {
		on_file_event(file);
	} else if (file && (event->mask & IN_IGNORED)) {
		file->watch_id = -1; /* its file system is gone */
	} else if (event->mask & IN_IGNORED) {
		forget_directory(watch, event->wd);
	} else if (event->len) {
		on_named_event(watch, event);
	}
}

static void keep_pace(struct directory_watch *watch)
{
	int64_t rest_ms = count_event(&watch->paced_ms, loop_mono_ms(watch->tail->loop));

	if (rest_ms <= 0)
		return;
	watch_pause(watch->watch, true);
	timer_set(watch->pace, rest_ms);
}

static void on_pace(void *arg)
{
	struct directory_watch *watch = arg;

	watch_pause(watch->watch, false);
}

static void on_readable(void *arg, int what)
{
	struct directory_watch *watch = arg;
	_Alignas(struct inotify_event) char buffer[EVENT_BYTES];
	ssize_t length = read(watch->fd, buffer, sizeof(buffer));
	bool has_names = false;

	(void)what;
	for (ssize_t at = 0; at < length;) {
		const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
		on_event(watch, event);
		has_names |= event->len > 0;
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	if (has_names)
		keep_pace(watch);
}

struct directory_watch *directory_watch_new(struct file_tail *tail)
{
	struct directory_watch *watch = mem_alloc(sizeof(*watch));
	struct err_note why = {0};

	watch->tail = tail;
	watch->pace = timer_new(tail->loop, on_pace, watch);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd >= 0 && watch_new(&watch->watch, tail->loop, watch->fd, WATCH_READ,
					on_readable, watch, &why) == 0)
		return watch;
	log_debug(INGEST, "%s: no inotify (%s), only scans", tail->source, why.text);
	directory_watch_free(watch);
	return NULL;
}

void directory_watch_free(struct directory_watch *watch)
{
	if (!watch)
		return;
	watch_free(watch->watch);
	timer_free(watch->pace);
	if (watch->fd >= 0)
		close(watch->fd);
	for (uint32_t i = 0; i < watch->count; i++)
		mem_free(watch->directories[i].path);
	mem_free(watch->directories);
	mem_free(watch);
}

void directory_watch_add(struct directory_watch *watch, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;

	for (uint32_t i = 0; i < watch->count; i++) {
		const char *known = watch->directories[i].path;
		if (strlen(known) == length && strncmp(known, path, length) == 0)
			return;
	}
	if (watch->count == DIRECTORIES_MAX)
		return;
	char *directory = mem_copy_bytes(path, length);
	int id = inotify_add_watch(watch->fd, length ? directory : ".", WATCHED);
	if (id < 0 || find_directory(watch, id)) {
		/* No such directory (a pattern with wildcards in it), or known by another path. */
		mem_free(directory);
		return;
	}
	watch->directories =
		mem_grow(watch->directories, watch->count + 1, sizeof(*watch->directories));
	watch->directories[watch->count++] = (struct directory){id, directory};
}
