/** pool_job.h - one job of the pool and the doing of it; the same in a reader thread and inline.
 *  For pool.c.
 */
#ifndef TOCSIN_CORE_INGEST_POOL_JOB_H
#define TOCSIN_CORE_INGEST_POOL_JOB_H

#include "core/base/err.h"
#include "core/ingest/source.h"

struct reader;

struct pool_job {
	bool is_file;
	struct intake *intake; /**< shared */
	uint32_t partition;
	struct pool_bytes_job bytes;
	struct pool_file_job file;
	size_t queued_bytes;
	/* the result */
	int code;
	struct err_note why;
	struct bundle *bundle; /**< or NULL: nothing was read */
	struct pool_file_read read;
	struct pool_job *next;
};

/** What a job needs of its thread. */
struct pool_worker {
	const struct env *env;
	struct reader *reader;
	uint64_t seed;
	char *block; /**< POSITION_CHECK_BYTES + POOL_FILE_BLOCK_BYTES */
};

void pool_worker_init(struct pool_worker *worker, const struct env *env, uint64_t seed);
void pool_worker_deinit(struct pool_worker *worker);

void pool_job_run(struct pool_worker *worker, struct pool_job *job);
void pool_job_free(struct pool_job *job);

#endif
