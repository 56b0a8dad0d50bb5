#include "core/ingest/source_file_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <string.h>

enum { TOLD_MAX = 256, MISSES_MAX = 2, SCAN_SOON_MS = 2, SCANS_PER_INTERVAL = 10 };

static struct tail_file *find_identity(struct file_tail *tail, const char *identity)
{
	/* A listing is sorted, and files were added in its order: the one sought mostly follows the
	 * one found last, so a scan of many files does not compare each with each. */
	struct tail_file *start = tail->search_start ? tail->search_start : tail->files;
	struct tail_file *file = start;

	while (file) {
		struct tail_file *next = file->next_file ? file->next_file : tail->files;
		if (strcmp(file->identity, identity) == 0) {
			tail->search_start = next;
			return file;
		}
		file = next == start ? NULL : next;
	}
	return NULL;
}

static void add_last(struct file_tail *tail, struct tail_file *file)
{
	struct tail_file **link = &tail->files;

	while (*link)
		link = &(*link)->next_file;
	*link = file;
	tail->file_count++;
}

static void ignore(struct file_tail *tail, const char *path, const char *reason)
{
	bool is_new = false;

	tail->ignored_files++;
	if (tail->told.count < TOLD_MAX)
		key_table_put(&tail->told, slice_of(path), &is_new);
	if (is_new)
		log_warn(INGEST, "%s: %s is not read: %s", tail->source, path, reason);
}

static bool is_compressed(const char *path)
{
	static const char *const suffixes[] = {".gz", ".bz2", ".xz", ".zst", NULL};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && suffixes[i]; i++) {
		if (strcmp(dot, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/** Takes fd. */
static void follow(struct file_tail *tail, const char *path, int fd, const struct file_info *info)
{
	struct err_note why = {0};
	char name[FILE_IDENTITY_BYTES_MAX + 8];
	uint32_t partition;
	struct position committed;

	snprintf(name, sizeof(name), "file:%s", info->identity);
	if (tail->callbacks->open(tail->arg, name, &partition, &committed, &why) != 0) {
		log_warn(INGEST, "%s: %s: %s", tail->source, path, why.text);
		tail->env->ops->file_close(tail->env->self, fd);
		return;
	}
	struct tail_file *file = mem_alloc(sizeof(*file));
	file->tail = tail;
	memcpy(file->identity, info->identity, sizeof(file->identity));
	file->path = mem_copy_text(path);
	file->fd = fd;
	file->partition = partition;
	file->next = committed;
	file->durable = committed;
	file->read_to = committed.offset;
	file->quiet_since_ms = loop_mono_ms(tail->loop);
	file->is_seen = true;
	file->is_dirty = true;
	file->watch_id = -1;
	if (tail_file_verify(file) != 0) {
		/* Not followed now: the next scan tries again. */
		tail->read_errors++;
		log_warn(INGEST, "%s: %s cannot be read", tail->source, path);
		tail->callbacks->close(tail->arg, partition, false);
		tail->env->ops->file_close(tail->env->self, fd);
		mem_free(file->path);
		mem_free(file);
		return;
	}
	add_last(tail, file);
	tail_file_watch(file);
	log_info(INGEST, "%s: following %s from byte %llu", tail->source, path,
		 (unsigned long long)file->next.offset);
}

static void see(struct tail_file *file, const char *path)
{
	file->is_seen = true;
	file->has_left = false;
	file->is_deleted = false;
	if (strcmp(file->path, path) == 0)
		return;
	mem_free(file->path);
	file->path = mem_copy_text(path);
}

static void on_path(void *arg, const char *path)
{
	struct file_tail *tail = arg;
	const struct env *env = tail->env;
	struct err_note why = {0};
	struct file_info info;
	int fd;

	if (is_compressed(path)) {
		ignore(tail, path, "it is compressed");
		return;
	}
	if (env->ops->path_info(env->self, path, &info, NULL) != 0)
		return; /* gone since the listing */
	if (!info.is_regular) {
		ignore(tail, path, "it is not a regular file");
		return;
	}
	if (tail->watch)
		directory_watch_add(tail->watch, path);
	struct tail_file *known = find_identity(tail, info.identity);
	if (known) {
		see(known, path);
		return;
	}
	if (tail->file_count >= FILE_TAIL_FILES_MAX) {
		ignore(tail, path, "too many files are open for this source");
		return;
	}
	if (env->ops->file_open(env->self, &fd, path, FILE_READ, &why) != 0) {
		ignore(tail, path, why.text);
		return;
	}
	/* The path may have been renamed between the two looks: the open file decides. */
	if (env->ops->file_info(env->self, fd, &info, NULL) != 0 || !info.is_regular) {
		env->ops->file_close(env->self, fd);
		return;
	}
	known = find_identity(tail, info.identity);
	if (known) {
		see(known, path);
		env->ops->file_close(env->self, fd);
		return;
	}
	follow(tail, path, fd, &info);
}

/** A rotated file that has not grown for long enough: its last line counts as it is. */
static void end_if_quiet(struct tail_file *file, int64_t now_ms)
{
	struct file_tail *tail = file->tail;

	if (!file->is_rotated || file->is_final || file->is_in_flight || file->is_dirty ||
	    now_ms - file->quiet_since_ms < tail->rotate_wait_ms)
		return;
	file->is_final = true;
	file->is_dirty = true;
}

static void look_at(struct tail_file *file, int64_t now_ms)
{
	struct file_tail *tail = file->tail;
	struct file_info info;

	/* One listing can miss a file that is being renamed, so it takes two. */
	file->missed_scans = file->is_seen ? 0 : file->missed_scans + 1;
	file->is_rotated = file->missed_scans >= MISSES_MAX;
	if (tail->env->ops->file_info(tail->env->self, file->fd, &info, NULL) != 0) {
		tail->read_errors++;
		return;
	}
	file->size_bytes = info.size_bytes;
	if (info.size_bytes != file->read_to || file->has_failed || !file->is_rotated) {
		file->is_final = false;
		file->is_over = false;
	}
	if (info.size_bytes != file->read_to && !file->is_in_flight)
		file->quiet_since_ms = now_ms;
	if (info.size_bytes != file->read_to || file->has_failed)
		file->is_dirty = true;
	file->has_failed = false;
	end_if_quiet(file, now_ms);
	tail_file_queue(file);
}

void file_tail_scan(struct file_tail *tail)
{
	const struct env *env = tail->env;
	struct err_note why = {0};
	int64_t now_ms = loop_mono_ms(tail->loop);

	for (struct tail_file *file = tail->files; file; file = file->next_file)
		file->is_seen = false;
	tail->ignored_files = 0;
	tail->last_scan_ms = now_ms;
	if (tail->watch)
		directory_watch_add(tail->watch, tail->pattern);
	if (env->ops->glob(env->self, tail->pattern, on_path, tail, &why) != 0) {
		/* Unknown is not gone: the files stay as they are. */
		log_warn(INGEST, "%s: %s", tail->source, why.text);
		for (struct tail_file *file = tail->files; file; file = file->next_file)
			file->is_seen = true;
	}
	for (struct tail_file *file = tail->files; file; file = file->next_file)
		look_at(file, now_ms);
}

void file_tail_scan_soon(struct file_tail *tail)
{
	/* In a busy directory at most SCANS_PER_INTERVAL of them: a listing is not free. */
	int64_t delay_ms =
		tail->last_scan_ms + tail->scan_ms / SCANS_PER_INTERVAL - loop_mono_ms(tail->loop);

	if (!tail->is_stopping)
		timer_set(tail->scan_timer, delay_ms > SCAN_SOON_MS ? delay_ms : SCAN_SOON_MS);
}
