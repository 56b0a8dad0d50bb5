#include "core/ingest/source_file.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/ingest/source_file_internal.h"
#include "core/loop/loop.h"

/*  A file's life. `dirty` says there may be bytes; a job in flight takes it away, and an event or
 *  the scan gives it back.
 *
 *      open ──verify──> idle <──at end──── in flight
 *                        └──dirty──> queued ──turn──┘
 *      not matched by two scans: rotated ──quiet──> final job ──> over ──durable──> closed
 *      shorter, or other bytes before `next`: reset, epoch + 1 */

enum { START_SCANS_MAX = 4 };

static bool is_same(const struct position *a, const struct position *b)
{
	return a->epoch == b->epoch && a->offset == b->offset;
}

/** Nothing was read that the store does not have, or will never have (a refused bundle). */
static bool is_settled(const struct tail_file *file)
{
	return !file->is_in_flight &&
	       (file->must_rewind || file->is_reset || is_same(&file->next, &file->durable));
}

void tail_file_queue(struct tail_file *file)
{
	struct file_tail *tail = file->tail;

	if (file->is_queued || file->is_in_flight || (!file->is_dirty && !file->must_rewind))
		return;
	file->is_queued = true;
	file->next_queued = NULL;
	*tail->queue_end = file;
	tail->queue_end = &file->next_queued;
	if (!timer_is_set(tail->turn_timer))
		timer_set(tail->turn_timer, 0);
}

static void unqueue(struct tail_file *file)
{
	struct file_tail *tail = file->tail;

	for (struct tail_file **link = &tail->queue; *link; link = &(*link)->next_queued) {
		if (*link != file)
			continue;
		*link = file->next_queued;
		if (tail->queue_end == &file->next_queued)
			tail->queue_end = link;
		break;
	}
	file->is_queued = false;
}

void tail_file_reset(struct tail_file *file, uint64_t size_bytes)
{
	bool is_shorter = size_bytes < file->next.offset;

	if (is_shorter)
		file->tail->truncations++;
	else
		file->tail->replacements++;
	log_info(INGEST, "%s: %s was %s at %llu bytes; reading it from its start",
		 file->tail->source, file->path, is_shorter ? "truncated" : "changed in place",
		 (unsigned long long)size_bytes);
	/* A second reset before anything was read stays in the epoch: the engine expects the one
	 * behind the epoch it knows. */
	if (!file->is_reset)
		file->next.epoch++;
	file->next.offset = 0;
	file->next.check = 0;
	file->is_reset = true;
	file->skip = false;
	file->read_to = 0;
	file->is_dirty = true;
}

int tail_file_verify(struct tail_file *file)
{
	const struct env *env = file->tail->env;
	struct file_info info;
	uint64_t check;
	char last = '\n';

	if (file->next.offset == 0)
		return 0;
	int code = position_check(env, file->fd, file->next.offset, &check, &last);
	if (code == ERR_IO || env->ops->file_info(env->self, file->fd, &info, NULL) != 0)
		return ERR_IO;
	if (code != 0 || check != file->next.check)
		tail_file_reset(file, info.size_bytes);
	else
		/* Positions stand behind line ends, except inside an over-long line. */
		file->skip = last != '\n';
	return 0;
}

static void rewind_file(struct tail_file *file)
{
	struct file_tail *tail = file->tail;
	struct err_note why = {0};
	char name[FILE_IDENTITY_BYTES_MAX + 8];
	uint32_t partition;
	struct position committed;

	snprintf(name, sizeof(name), "file:%s", file->identity);
	if (tail->callbacks->open(tail->arg, name, &partition, &committed, &why) != 0) {
		log_warn(INGEST, "%s: %s: %s", tail->source, file->path, why.text);
		return; /* must_rewind stays: the next scan tries again */
	}
	file->must_rewind = false;
	file->partition = partition;
	file->next = committed;
	file->is_reset = false;
	file->skip = false;
	file->is_dirty = true;
	file->read_to = committed.offset;
	if (tail_file_verify(file) != 0)
		file->has_failed = true;
}

void tail_file_close_if_over(struct tail_file *file)
{
	struct file_tail *tail = file->tail;

	if (!file->is_over || file->is_dirty || file->must_rewind || !is_settled(file))
		return;
	unqueue(file);
	for (struct tail_file **link = &tail->files; *link; link = &(*link)->next_file) {
		if (*link == file) {
			*link = file->next_file;
			break;
		}
	}
	tail->file_count--;
	tail->search_start = NULL;
	log_info(INGEST, "%s: %s is read to its end and closed", tail->source, file->path);
	tail_file_unwatch(file);
	tail->callbacks->close(tail->arg, file->partition, file->is_deleted);
	tail->env->ops->file_close(tail->env->self, file->fd);
	mem_free(file->path);
	mem_free(file);
}

static void check_stopped(struct file_tail *tail)
{
	void (*on_stopped)(void *arg) = tail->on_stopped;

	if (!on_stopped)
		return;
	for (const struct tail_file *file = tail->files; file; file = file->next_file) {
		if (!is_settled(file))
			return;
	}
	tail->on_stopped = NULL;
	on_stopped(tail->stopped_arg);
}

static bool is_far_ahead(const struct tail_file *file)
{
	uint64_t base = file->next.epoch == file->durable.epoch ? file->durable.offset : 0;

	return file->next.offset > base && file->next.offset - base > FILE_TAIL_AHEAD_BYTES;
}

/** Whether the job at hand may read on; else another one will, or none. */
static bool may_go_on(const struct tail_file *file)
{
	const struct file_tail *tail = file->tail;

	return !tail->is_paused && !tail->is_stopping && !file->must_rewind &&
	       !is_far_ahead(file) && tail->callbacks->intake(tail->arg) == file->intake;
}

static bool on_read(void *arg, const struct pool_file_read *read)
{
	struct tail_file *file = arg;
	struct file_tail *tail = file->tail;
	struct file_info info = {0};

	if (file->must_rewind) {
		/* Its bundle follows and is refused as a gap: the result does not count. */
	} else if (read->code != 0) {
		tail->read_errors++;
		file->has_failed = true;
		log_warn(INGEST, "%s: reading %s fails; trying again", tail->source, file->path);
	} else if (read->is_changed) {
		tail->env->ops->file_info(tail->env->self, file->fd, &info, NULL);
		tail_file_reset(file, info.size_bytes);
	} else {
		file->next = read->to;
		file->skip = read->skip;
		if (read->to.offset > 0)
			file->is_reset = false;
		if (read->read_to != file->read_to)
			file->quiet_since_ms = loop_mono_ms(tail->loop);
		file->read_to = read->read_to;
		file->is_at_end = read->at_end;
	}
	return may_go_on(file);
}

static void on_end(void *arg)
{
	struct tail_file *file = arg;
	struct file_tail *tail = file->tail;

	file->is_in_flight = false;
	file->intake = NULL;
	if (!file->is_at_end)
		file->is_dirty |= !file->has_failed;
	else if (file->is_final && !file->is_dirty)
		file->is_over = true;
	tail_file_queue(file);
	/* Closing, and reporting the stop, wait for the turn: here they would free who calls. */
	if (!timer_is_set(tail->turn_timer))
		timer_set(tail->turn_timer, 0);
}

static struct tail_file *find_partition(struct file_tail *tail, uint32_t partition)
{
	for (struct tail_file *file = tail->files; file; file = file->next_file) {
		if (file->partition == partition)
			return file;
	}
	return NULL;
}

static void on_durable(void *arg, const struct bundle *bundle)
{
	struct file_tail *tail = arg;
	struct tail_file *file = find_partition(tail, bundle->partition);

	if (!file)
		return;
	if (bundle->to.epoch > file->durable.epoch ||
	    (bundle->to.epoch == file->durable.epoch && bundle->to.offset > file->durable.offset))
		file->durable = bundle->to;
	tail_file_queue(file);
	if (!timer_is_set(tail->turn_timer))
		timer_set(tail->turn_timer, 0);
}

/** Lets the pool read on in the file; ERR_FULL. Leaves it dirty when it cannot go on now. */
static int submit(struct tail_file *file)
{
	struct file_tail *tail = file->tail;
	struct intake *intake = tail->callbacks->intake(tail->arg);
	struct file_info info;

	if (!intake || is_far_ahead(file))
		return 0;
	if (tail->env->ops->file_info(tail->env->self, file->fd, &info, NULL) != 0) {
		file->has_failed = true;
		return 0;
	}
	if (info.size_bytes < file->next.offset)
		tail_file_reset(file, info.size_bytes);
	if (info.size_bytes == file->next.offset) {
		file->is_dirty = false;
		file->read_to = info.size_bytes;
		file->is_over = file->is_final;
		return 0;
	}
	struct pool_file_job job = {
		.intake = intake,
		.partition = file->partition,
		.fd = file->fd,
		.from = file->next,
		.is_reset = file->is_reset,
		.skip = file->skip,
		.is_final = file->is_final,
		.is_small = info.size_bytes - file->next.offset <= POOL_SMALL_BYTES,
		.on_read = on_read,
		.on_end = on_end,
		.on_read_arg = file,
		.on_durable = on_durable,
		.arg = tail,
	};
	int code = pool_try_file(tail->pool, &job);
	if (code == 0) {
		file->is_in_flight = true;
		file->intake = intake;
		file->is_at_end = false;
		file->is_dirty = false;
	}
	return code;
}

static void on_turn(void *arg)
{
	struct file_tail *tail = arg;

	while (tail->queue && !tail->is_paused && !tail->is_stopping) {
		struct tail_file *file = tail->queue;
		if (file->must_rewind)
			rewind_file(file);
		if (!file->must_rewind && file->is_dirty && submit(file) == ERR_FULL)
			break; /* it keeps its place until file_tail_on_room() */
		unqueue(file);
	}
	for (struct tail_file *file = tail->files, *next; file; file = next) {
		next = file->next_file;
		tail_file_close_if_over(file);
	}
	check_stopped(tail);
}

static void on_scan(void *arg)
{
	struct file_tail *tail = arg;

	if (!tail->is_stopping)
		file_tail_scan(tail);
	timer_set(tail->scan_timer, tail->scan_ms);
}

/** A file that is renamed during the listing can be missing from it, and would join when the
 *  newer ones have moved the watermark past its unread lines. So it is listed until nothing new
 *  is found. */
static void scan_at_start(struct file_tail *tail)
{
	uint32_t known_count;
	int scans = 0;

	do {
		known_count = tail->file_count;
		file_tail_scan(tail);
	} while (tail->file_count != known_count && ++scans < START_SCANS_MAX);
}

int file_tail_new(struct file_tail **out, struct loop *loop,
		  const struct file_tail_options *options, struct err_note *why)
{
	if (!options->pattern || !options->pattern[0])
		return err_set(why, ERR_INVALID, "source \"%s\": the file pattern is empty",
			       options->source);

	struct file_tail *tail = mem_alloc(sizeof(*tail));
	tail->loop = loop;
	tail->env = loop_env(loop);
	tail->source = mem_copy_text(options->source);
	tail->pattern = mem_copy_text(options->pattern);
	tail->pool = options->pool;
	tail->callbacks = options->callbacks;
	tail->arg = options->arg;
	tail->scan_ms = options->scan_ms > 0 ? options->scan_ms : FILE_TAIL_SCAN_MS;
	tail->rotate_wait_ms =
		options->rotate_wait_ms > 0 ? options->rotate_wait_ms : FILE_TAIL_ROTATE_WAIT_MS;
	tail->queue_end = &tail->queue;
	tail->turn_timer = timer_new(loop, on_turn, tail);
	tail->scan_timer = timer_new(loop, on_scan, tail);
	key_table_init(&tail->told, 0);
	tail->watch = directory_watch_new(tail);
	scan_at_start(tail);
	timer_set(tail->scan_timer, tail->scan_ms);
	*out = tail;
	return 0;
}

void file_tail_free(struct file_tail *tail)
{
	if (!tail)
		return;
	while (tail->files) {
		struct tail_file *file = tail->files;
		tail->files = file->next_file;
		tail_file_unwatch(file);
		tail->callbacks->close(tail->arg, file->partition, false);
		tail->env->ops->file_close(tail->env->self, file->fd);
		mem_free(file->path);
		mem_free(file);
	}
	directory_watch_free(tail->watch);
	timer_free(tail->turn_timer);
	timer_free(tail->scan_timer);
	key_table_deinit(&tail->told);
	mem_free(tail->source);
	mem_free(tail->pattern);
	mem_free(tail);
}

void file_tail_on_room(struct file_tail *tail)
{
	timer_set(tail->turn_timer, 0);
}

void file_tail_pause(struct file_tail *tail, bool is_paused)
{
	tail->is_paused = is_paused;
	if (!is_paused)
		timer_set(tail->turn_timer, 0);
}

bool file_tail_rewind(struct file_tail *tail, uint32_t partition)
{
	struct tail_file *file = find_partition(tail, partition);

	if (!file)
		return false;
	file->must_rewind = true;
	tail_file_queue(file);
	return true;
}

void file_tail_stop(struct file_tail *tail, void (*on_stopped)(void *arg), void *arg)
{
	tail->is_stopping = true;
	tail->on_stopped = on_stopped;
	tail->stopped_arg = arg;
	timer_set(tail->turn_timer, 0);
}

void file_tail_status(const struct file_tail *tail, struct file_tail_status *out)
{
	*out = (struct file_tail_status){
		.file_count = tail->file_count,
		.truncations = tail->truncations,
		.replacements = tail->replacements,
		.read_errors = tail->read_errors,
		.ignored_files = tail->ignored_files,
	};
	for (const struct tail_file *file = tail->files; file; file = file->next_file) {
		out->rotated_count += file->is_rotated;
		if (file->size_bytes > file->durable.offset)
			out->behind_bytes += file->size_bytes - file->durable.offset;
	}
}

const char *file_tail_find_path(const struct file_tail *tail, const char *partition_name)
{
	if (strncmp(partition_name, "file:", 5) != 0)
		return NULL;
	for (const struct tail_file *file = tail->files; file; file = file->next_file) {
		if (strcmp(file->identity, partition_name + 5) == 0)
			return file->path;
	}
	return NULL;
}
