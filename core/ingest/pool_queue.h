/** pool_queue.h - the hand-over between the loop and the readers. For pool.c.
 *
 *      loop: push ──todo──> some reader: await ──finish──> line ──first done──> loop: collect
 *                     ^                   │
 *                     └──────advance──────┘ of a file: as soon as a block is cut, before it is read
 *
 *  A line is the jobs of one partition in order; its first ones leave it when they are done. So
 *  blocks of one file are read by several readers, and arrive in order. A file has at most one
 *  block that is not cut, and `blocks_max` that are not delivered: then it is parked until the loop
 *  has caught up.
 *  Owner: caller's memory. Threads: as drawn.
 */
#ifndef TOCSIN_CORE_INGEST_POOL_QUEUE_H
#define TOCSIN_CORE_INGEST_POOL_QUEUE_H

#include "core/ingest/pool_job.h"

#include <pthread.h>

struct pool_job_list {
	struct pool_job *first;
	struct pool_job **end;
};

/** The jobs of a partition. */
struct pool_line {
	uint32_t partition;
	struct pool_job *first;
	struct pool_job **end;
	bool is_ready; /**< in the queue's list of those whose first job is done */
	struct pool_line *next_ready;
};

/** A file job. All but the task is under the lock. */
struct pool_file {
	struct pool_file_job task; /**< its intake is referenced */
	struct pool_line *line;
	struct position next; /**< where the next block begins */
	bool is_reset;        /**< of the next block */
	bool skip;            /**< of the next block */
	uint32_t begun;       /**< blocks not yet delivered */
	bool is_parked;       /**< there is a next block, but it may not be begun yet */
	bool must_end;
	bool is_over; /**< no block will be begun */
};

struct pool_queue {
	pthread_mutex_t lock;
	pthread_cond_t has_work;
	uint32_t resting; /**< readers that wait */
	bool is_stopping;
	uint32_t blocks_max;
	struct pool_job_list todo;  /**< for readers */
	struct pool_job_list small; /**< for the loop thread */
	struct pool_job_list free;
	uint32_t free_count;
	struct pool_line *ready;
	struct pool_line **ready_end;
	struct pool_line **lines; /**< [line_count] by partition; loop thread */
	uint32_t line_count;
};

void pool_queue_init(struct pool_queue *queue, uint32_t blocks_max);
/** Frees what is in it. No reader is left. */
void pool_queue_deinit(struct pool_queue *queue);

/* loop thread */
/** References the intake, takes the data. */
void pool_queue_push_bytes(struct pool_queue *queue, const struct pool_bytes_job *task);
/** References the intake; begins its first block. */
void pool_queue_push_file(struct pool_queue *queue, const struct pool_file_job *task);
/** What is done, in order within each partition; a job with a rest stays in its line. */
void pool_queue_collect(struct pool_queue *queue, struct pool_job_list *out);
/** A job with a rest goes on, before all others. */
void pool_queue_resume(struct pool_queue *queue, struct pool_job *job);
/** A bytes job was delivered. */
void pool_queue_delivered(struct pool_queue *queue, struct pool_job *job);
/** A block was delivered. True: it was its file's last one, which the caller frees. */
bool pool_queue_delivered_block(struct pool_queue *queue, struct pool_job *job, bool goes_on);
/** Small ones first. NULL: there is nothing to do, or only for readers. */
struct pool_job *pool_queue_take(struct pool_queue *queue, bool has_readers);
bool pool_queue_has_work(struct pool_queue *queue, bool has_readers);
void pool_queue_stop(struct pool_queue *queue); /**< await gives NULL from now on */

/* readers */
struct pool_job *pool_queue_await(struct pool_queue *queue);
/** A block was cut: the next one of its file may be begun. */
void pool_queue_advance(struct pool_queue *queue, const struct pool_job *job, bool has_more);
/** True: the loop must be told to collect. */
bool pool_queue_finish(struct pool_queue *queue, struct pool_job *job);

struct pool_job *pool_job_list_pop(struct pool_job_list *list);
void pool_file_free(struct pool_file *file);

#endif
