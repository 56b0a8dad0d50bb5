/** source_file.h - follows the files of a glob pattern: each line once, through rotation and
 *  restart.
 *
 *  A file is a partition named "file:<identity>" (env.h: stable over rename and truncation, new
 *  after delete and create), so its position follows it wherever it is moved. Inotify (a
 *  watch for each file) makes an append seen at once, and the appends of a busy file each 40 ms; a
 *  scan of the pattern each `scan_ms` is what correctness rests on.
 *
 *  Rotation:
 *  - rename: the open file is read on. When its name no longer matches, it is over after
 *    `rotate_wait_ms` without growth: a last line without its end counts, and when all of it is
 *    durable it is closed.
 *  - copytruncate: shorter than the position, or other bytes before it (position.check): a new
 *    epoch from 0. What the writer lost between its copy and its truncation is lost here too.
 *  - delete and create: another identity, so another partition.
 *  Renamed while the daemon was down: it is found again only under a name that matches. Write a
 *  pattern that covers rotated names (pay.jsonl*); both names are one identity, so nothing is read
 *  twice. Compressed files (.gz .bz2 .xz .zst) are not read; the log says so once.
 *
 *  Each file has one job in flight, which reads to the end of the file. It is ended early by a
 *  reload, a pause, a rewind, and FILE_TAIL_AHEAD_BYTES beyond what is durable; the next one starts
 *  where it ended.
 *  Owner: file_tail_new() result owned. on_durable of its bundles may come as long as bundles
 *  live: free the tail after file_tail_stop() has reported, or when neither pool nor engine calls
 *  any more.
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_FILE_H
#define TOCSIN_CORE_INGEST_SOURCE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ingest/bundle.h"

struct err_note;
struct file_tail;
struct intake;
struct loop;
struct pool;

enum {
	FILE_TAIL_FILES_MAX = 4096,
	FILE_TAIL_SCAN_MS = 1000,
	FILE_TAIL_ROTATE_WAIT_MS = 5000,
	FILE_TAIL_AHEAD_BYTES = 256 * 1024 * 1024,
};

/** What the tail asks of the engine. */
struct file_tail_callbacks {
	/** engine_partition_open(): number and committed position of a positioned partition. */
	int (*open)(void *arg, const char *name, uint32_t *partition, struct position *committed,
		    struct err_note *why);
	/** engine_partition_close(): `is_forgotten` when the file was deleted. */
	void (*close)(void *arg, uint32_t partition, bool is_forgotten);
	/** engine_intake(): borrowed; NULL: the source is gone, nothing is read. */
	struct intake *(*intake)(void *arg);
};

struct file_tail_options {
	const char *source;  /**< for messages */
	const char *pattern; /**< glob(7) */
	struct pool *pool;
	const struct file_tail_callbacks *callbacks; /**< borrowed until free */
	void *arg;
	int64_t scan_ms;        /**< default FILE_TAIL_SCAN_MS */
	int64_t rotate_wait_ms; /**< default FILE_TAIL_ROTATE_WAIT_MS */
};

/** Scans at once. Nothing has to match yet. ERR_INVALID: an empty pattern. */
int file_tail_new(struct file_tail **out, struct loop *loop,
		  const struct file_tail_options *options, struct err_note *why);
/** Closes every partition (positions are kept). */
void file_tail_free(struct file_tail *tail);

/** The pool has room again (pool_options.on_room). */
void file_tail_on_room(struct file_tail *tail);
/** Stops giving jobs, for example while the disk is full; what is in flight arrives. */
void file_tail_pause(struct file_tail *tail, bool is_paused);
/** engine_apply() answered ERR_CONFLICT for a bundle of this partition: it starts again at the
 *  committed position. False: not a partition of this tail. */
bool file_tail_rewind(struct file_tail *tail, uint32_t partition);
/** No more jobs; `on_stopped` is called once when all that was read is durable. */
void file_tail_stop(struct file_tail *tail, void (*on_stopped)(void *arg), void *arg);

struct file_tail_status {
	uint32_t file_count;
	uint32_t rotated_count; /**< of them, files that are read to their end and then closed */
	uint64_t behind_bytes;  /**< as of the last scan: not yet durable */
	uint64_t truncations;   /**< files that became shorter */
	uint64_t replacements;  /**< files whose read bytes were changed in place */
	uint64_t read_errors;
	uint64_t ignored_files; /**< compressed, not regular, or beyond FILE_TAIL_FILES_MAX */
};
void file_tail_status(const struct file_tail *tail, struct file_tail_status *out);
/** Where the file of a partition ("file:<identity>") was last seen; NULL: it is not followed.
 *  Borrowed until the next turn of the loop. */
const char *file_tail_find_path(const struct file_tail *tail, const char *partition_name);

#endif
