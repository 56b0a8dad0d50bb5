/** source_file_internal.h - one followed file, and the three parts of the tail: scheduling
 *  (source_file.c), the scan (source_file_scan.c), inotify (source_file_watch.c).
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_FILE_INTERNAL_H
#define TOCSIN_CORE_INGEST_SOURCE_FILE_INTERNAL_H

#include "core/base/env.h"
#include "core/base/key_table.h"
#include "core/ingest/source.h"
#include "core/ingest/source_file.h"

struct directory_watch;

struct tail_file {
	struct file_tail *tail;
	char identity[FILE_IDENTITY_BYTES_MAX];
	char *path; /**< as last seen */
	int fd;
	uint32_t partition;
	struct position next;    /**< where the next job starts */
	struct position durable; /**< what the store certainly has */
	bool is_reset;           /**< next is the start of an epoch the engine does not know yet */
	bool skip;
	uint64_t read_to;      /**< bytes up to here were seen by a reader */
	bool is_dirty;         /**< there may be bytes to read */
	bool is_in_flight;     /**< a job is reading it */
	struct intake *intake; /**< of that job (referenced there) */
	bool is_at_end;        /**< of the file, as the last block of that job found */
	bool is_queued;
	bool has_failed; /**< reading failed; the next scan tries again */
	bool must_rewind;
	bool is_seen;  /**< by the scan at hand */
	bool has_left; /**< its path is not its name any more (renamed since the last scan) */
	bool is_deleted;
	bool is_rotated;
	bool is_final; /**< the last job counts a line without its end */
	bool is_over;  /**< rotated, and all of it was read */
	uint32_t missed_scans;
	int64_t quiet_since_ms;
	int watch_id;        /**< of inotify; -1: not armed */
	struct timer *pace;  /**< runs while its growth is looked at instead of told; or NULL */
	int64_t paced_ms;    /**< when all that it told would have been due at the pace */
	uint64_t size_bytes; /**< at the last scan */
	struct tail_file *next_file;
	struct tail_file *next_queued;
};

struct file_tail {
	struct loop *loop;
	const struct env *env;
	char *source;
	char *pattern;
	struct pool *pool;
	const struct file_tail_callbacks *callbacks;
	void *arg;
	int64_t scan_ms;
	int64_t rotate_wait_ms;
	struct tail_file *files;
	uint32_t file_count;
	struct tail_file *search_start; /**< where to look for the next identity; or NULL */
	struct tail_file *queue;
	struct tail_file **queue_end;
	struct timer *turn_timer;
	struct timer *scan_timer;
	int64_t last_scan_ms;
	bool is_paused;
	bool is_stopping;
	void (*on_stopped)(void *arg);
	void *stopped_arg;
	struct key_table told; /**< paths the log has named as ignored */
	uint64_t ignored_files;
	uint64_t truncations;
	uint64_t replacements;
	uint64_t read_errors;
	struct directory_watch *watch; /**< NULL: only scans */
};

/** Puts the file in line for its turn when it has something to do. */
void tail_file_queue(struct tail_file *file);
/** The file was truncated or replaced in place: a new epoch. */
void tail_file_reset(struct tail_file *file, uint64_t size_bytes);
/** Checks `next` against the file; starts an epoch when it does not hold. ERR_IO. */
int tail_file_verify(struct tail_file *file);
/** Closes a file that is over and durable; the pointer may be gone afterwards. */
void tail_file_close_if_over(struct tail_file *file);

/** Looks at the pattern and at the size of each open file. */
void file_tail_scan(struct file_tail *tail);
/** A scan in a moment: something changed in a directory. */
void file_tail_scan_soon(struct file_tail *tail);

/** NULL when inotify is not to be had (a virtual loop, no descriptors): not an error. */
struct directory_watch *directory_watch_new(struct file_tail *tail);
void directory_watch_free(struct directory_watch *watch);
/** Watches the directory of a path. */
void directory_watch_add(struct directory_watch *watch, const char *path);
/** Be told when the file is written. Before its size is looked at, else a write is missed. */
void tail_file_watch(struct tail_file *file);
void tail_file_unwatch(struct tail_file *file);

#endif
