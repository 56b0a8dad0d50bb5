/** source.h - where bytes come from, and the pool of readers that turns them into bundles.
 *
 *  An intake pool owns N reader threads (0 = inline on the loop) and bounded queues in both directions.
 *  Sources (source_file.h, source_http.h, source_tcp.h, source_stdin.h) give it jobs:
 *      bytes job:  an owned block of bytes of a partition (HTTP body, TCP data)
 *      file job:   "this open file has bytes from this position": the reader itself reads them
 *  Jobs of one partition run in order on one reader. Finished bundles arrive on the loop thread by
 *  `on_bundle`, in order per partition.
 *  Back-pressure: pool_try_* answers ERR_FULL when the queue is full; the source stops reading its socket or
 *  file and goes on when `on_room` of its job's partition is called.
 *  Owner: pool_new() result owned. Threads: all functions on the loop thread.
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_H
#define TOCSIN_CORE_INGEST_SOURCE_H

#include <stdbool.h>
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
	POOL_QUEUE_JOBS_MAX = 64,            /**< per reader */
	POOL_FILE_BLOCK_BYTES = 1024 * 1024, /**< one file job reads at most this much */
};

struct pool_options {
	uint32_t reader_count; /**< 0 = inline */
	/** Takes the bundle. */
	void (*on_bundle)(void *arg, struct bundle *bundle);
	/** A queue that was full has room again. */
	void (*on_room)(void *arg);
	void *arg;
};

struct pool *pool_new(struct loop *loop, const struct env *env, const struct pool_options *options,
		      struct err_note *why);
/** Stops the threads after their current job; queued jobs are dropped (they were not acknowledged). */
void pool_free(struct pool *pool);

struct pool_bytes_job {
	struct intake *intake; /**< referenced by the pool */
	uint32_t partition;
	struct bytes data; /**< taken on success */
	bool is_last;      /**< see reader.h */
	int64_t watermark_ms;
	void (*on_durable)(void *arg, const struct bundle *bundle); /**< copied into the bundle */
	void *arg;
	/** Bytes after the last line end, owned by the receiver; called before on_bundle; may be NULL when
	 *  is_last. */
	void (*on_rest)(void *arg, struct bytes rest);
};
int pool_try_bytes(struct pool *pool, struct pool_bytes_job *job);

struct pool_file_job {
	struct intake *intake;
	uint32_t partition;
	int fd; /**< borrowed until on_durable or on_read; kept open by the source */
	struct position from;
	bool is_reset;
	bool skip; /**< reader.h: inside an over-long line */
	bool is_final; /**< the file is over (rotated away): a last line without its end counts */
	int64_t watermark_ms;
	/** On the loop thread, before on_bundle, with what was read; `at_end`: no more bytes now. */
	void (*on_read)(void *arg, struct position to, bool skip, bool at_end);
	void (*on_durable)(void *arg, const struct bundle *bundle);
	void *arg;
};
int pool_try_file(struct pool *pool, const struct pool_file_job *job);

struct pool_usage {
	uint32_t reader_count;
	uint32_t queued_jobs;
	uint64_t full_count; /**< times a job was refused */
};
void pool_usage(const struct pool *pool, struct pool_usage *out);

#endif
