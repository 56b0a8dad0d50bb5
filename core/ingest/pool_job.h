/** pool_job.h - one job of the pool and the doing of it; the same in a reader thread and inline.
 *  For pool.c.
 */
#ifndef TOCSIN_CORE_INGEST_POOL_JOB_H
#define TOCSIN_CORE_INGEST_POOL_JOB_H

#include "core/base/err.h"
#include "core/ingest/source.h"

struct bundle_shelf;
struct pool_file;
struct pool_line;
struct reader;

/** A bytes job, or one block of a file job. */
struct pool_job {
	struct pool_line *line;
	struct pool_file *file; /**< NULL: a bytes job */
	struct intake *intake;  /**< of a bytes job shared, of a block its file's */
	struct pool_bytes_job bytes;
	size_t queued_bytes;
	/* a block: where it begins */
	struct position from;
	bool is_reset;
	bool skip;
	/* bytes whose bundle got full: the rest comes when that was given out */
	size_t at;                    /**< in bytes.data, where the rest begins */
	int64_t receive_ms;           /**< of all of it */
	bool is_last;                 /**< a last line without its end counts */
	uint64_t readings, malformed; /**< of the bundles before */
	/* the result */
	bool has_rest; /**< the job will be done again */
	bool is_done;  /**< under the pool's lock */
	int code;
	struct err_note why;
	struct bundle *bundle; /**< or NULL: nothing was read */
	struct pool_file_read read;
	struct pool_job *next_in_line;
	struct pool_job *next; /**< to do, done, or free */
};

/** What a job needs of its thread. */
struct pool_worker {
	const struct env *env;
	struct reader *reader;
	struct bundle_shelf *shelf;
	uint32_t block_bytes;
	char *block; /**< the bytes the check needs, then the block */
	size_t block_capacity;
	size_t lead_bytes; /**< of the block at hand: before it */
	size_t got_bytes;  /**< its length */
	size_t used_bytes; /**< of it, up to the end of its last line */
	bool is_last;
};

void pool_worker_init(struct pool_worker *worker, const struct env *env, struct bundle_shelf *shelf,
		      uint32_t block_bytes, size_t bundle_bytes);
void pool_worker_deinit(struct pool_worker *worker);

void pool_run_bytes(struct pool_worker *worker, struct pool_job *job);
/** Reads a block and finds where its lines end: job->read is complete, so that the next block may
 *  be begun. True: there is a next one. */
bool pool_run_cut(struct pool_worker *worker, struct pool_job *job,
		  const struct pool_file_job *task);
/** Makes the bundle of the block that was cut: of its first lines, when it gets full. */
void pool_run_block(struct pool_worker *worker, struct pool_job *job,
		    const struct pool_file_job *task);
/** Makes the next bundle of a block whose last one got full. */
void pool_run_rest(struct pool_worker *worker, struct pool_job *job,
		   const struct pool_file_job *task);

/** What reader_read() will consume of a block, and its `skip` afterwards, without reading it. */
size_t pool_cut(struct slice block, bool is_last, uint32_t line_bytes_max, bool *skip);

#endif
