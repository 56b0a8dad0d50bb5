/** source.h - where bytes come from, and the pool of readers that turns them into bundles.
 *
 *  An intake pool owns N reader threads (0 = inline on the loop) and bounded queues in both
 *  directions. Sources (source_file.h, source_http.h, source_tcp.h, source_stdin.h) give it jobs:
 *      bytes job:  an owned block of bytes of a partition (HTTP body, TCP data)
 *      file job:   "this open file has bytes from this position": the readers read them, block
 *                  after block, several blocks of one file at the same time
 *  Any reader does any job. Finished bundles arrive on the loop thread by `on_bundle`, in order per
 *  partition, and never from within pool_try_*(). A partition has jobs of one kind.
 *  Back-pressure: pool_try_* answers ERR_FULL when the queue is full; the source stops reading its
 *  socket or file and goes on when `on_room` is called.
 *  Owner: pool_new() result owned. Threads: all functions on the loop thread; the env's wall clock
 *  and file_read are called from readers too.
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_H
#define TOCSIN_CORE_INGEST_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/ingest/bundle.h"

struct env;
struct err_note;
struct intake;
struct loop;
struct pool;

enum {
	POOL_READERS_MAX = 64,
	POOL_QUEUE_JOBS_MAX = 64, /**< times readers: queued, running or not yet collected */
	/** Times readers, of bytes jobs; one is always taken. */
	POOL_QUEUE_BYTES_MAX = 128 * 1024 * 1024,
	POOL_FILE_BLOCK_BYTES = 1024 * 1024, /**< a bundle of a file comes of at most this much */
	POOL_SMALL_BYTES = 64 * 1024,
	POSITION_CHECK_BYTES = 64,
};

struct pool_options {
	uint32_t reader_count; /**< 0 = inline */
	uint32_t block_bytes; /**< default POOL_FILE_BLOCK_BYTES; more when a line may be as long */
	size_t bundle_bytes;  /**< for tests: instead of BUNDLE_BYTES_MAX */
	uint64_t seed;        /**< of the bundles' hash tables; 0 takes one from the env */
	/** Watermark of a partition after the bundles given out so far: by it readings are late.
	 *  NULL: none is. */
	int64_t (*watermark)(void *arg, uint32_t partition);
	/** Takes the bundle. */
	void (*on_bundle)(void *arg, struct bundle *bundle);
	/** A queue that was full has room again. */
	void (*on_room)(void *arg);
	void *arg;
};

int pool_new(struct pool **out, struct loop *loop, const struct env *env,
	     const struct pool_options *options, struct err_note *why);
/** Stops the threads after their current block; queued jobs are dropped (they were not
 *  acknowledged), and nothing more is called. */
void pool_free(struct pool *pool);

struct pool_bytes_job {
	struct intake *intake; /**< referenced by the pool */
	uint32_t partition;
	struct bytes data; /**< whole lines, but the last needs no end; taken on success */
	/** On the reader: changes the bytes before they are read (inflate, unwrap); may be NULL. */
	int (*prepare)(struct bytes *data, struct err_note *why);
	/** `prepare` failed: no bundle follows. Needed with prepare. */
	void (*on_refused)(void *arg, int code, const char *error);
	/** Copied into the bundle: the last one, when one would get too large. */
	void (*on_durable)(void *arg, const struct bundle *bundle);
	void *arg;
};
int pool_try_bytes(struct pool *pool, struct pool_bytes_job *task);

/** What came of a block of a file. A bundle follows when `to` is beyond where it began. */
struct pool_file_read {
	struct position to;
	uint64_t read_to; /**< bytes up to here were seen; beyond `to` is a line without its end */
	bool skip;        /**< for what follows */
	bool at_end;      /**< no more bytes now: the last block */
	bool is_changed;  /**< the bytes before it do not fit their check: nothing was read */
	int code;         /**< ERR_IO: reading failed */
};

struct pool_file_job {
	struct intake *intake; /**< referenced by the pool */
	uint32_t partition;
	int fd; /**< borrowed until on_end; kept open by the source */
	struct position from;
	bool is_reset;
	bool skip;     /**< reader.h: inside an over-long line */
	bool is_final; /**< the file is over (rotated away): a last line without its end counts */
	/** At most POOL_SMALL_BYTES are expected: they are read on the loop thread, which takes
	 *  less than two changes of threads. */
	bool is_small;
	/** After each block, on the loop thread, before on_bundle. False: no further block is
	 *  begun; those that were begun still come. */
	bool (*on_read)(void *arg, const struct pool_file_read *read);
	/** No block comes any more: the file is read to its end, or on_read said so, or the last
	 *  one failed, or others wait for room. After the last on_bundle. */
	void (*on_end)(void *arg);
	void *on_read_arg;
	void (*on_durable)(void *arg, const struct bundle *bundle); /**< copied into the bundles */
	void *arg;
};
int pool_try_file(struct pool *pool, const struct pool_file_job *task);

struct pool_usage {
	uint32_t reader_count;
	uint32_t queued_jobs;
	uint64_t full_count; /**< times a job was refused */
};
void pool_usage(const struct pool *pool, struct pool_usage *out);

/** XXH3 of the up to POSITION_CHECK_BYTES bytes before `offset` of a file; 0 at offset 0.
 *  ERR_RANGE: the file ends before the offset. `last` (may be NULL) is the byte before the offset.
 *  */
int position_check(const struct env *env, int fd, uint64_t offset, uint64_t *check, char *last);

#endif
