#include "core/ingest/pool_queue.h"

#include "core/base/mem.h"
#include "core/ingest/intake.h"

/*  One lock for all of it, taken four times for each block and held for some pointers. Measured
 *  with a million jobs of one empty line: 0.3 us of CPU a job when the loop thread does all of it
 *  (making the bundle included), 3.6 with two readers, most of it waking threads that rest. A block
 *  of 1 MiB takes 500 to 600 us, so queues without a lock would buy nothing; they would also need
 *  somebody who spins, or the same futex. */

enum { FREE_JOBS_MAX = 64 };

static void list_init(struct pool_job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_push(struct pool_job_list *list, struct pool_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static void list_push_first(struct pool_job_list *list, struct pool_job *job)
{
	job->next = list->first;
	if (!list->first)
		list->end = &job->next;
	list->first = job;
}

struct pool_job *pool_job_list_pop(struct pool_job_list *list)
{
	struct pool_job *job = list->first;

	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	return job;
}

void pool_queue_init(struct pool_queue *queue, uint32_t blocks_max)
{
	*queue = (struct pool_queue){.blocks_max = blocks_max};
	queue->ready_end = &queue->ready;
	list_init(&queue->todo);
	list_init(&queue->small);
	list_init(&queue->free);
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->has_work, NULL);
}

void pool_file_free(struct pool_file *file)
{
	intake_unref(file->task.intake);
	mem_free(file);
}

/** Frees the jobs of a line too; a file with its last block. */
static void line_free(struct pool_line *line)
{
	while (line && line->first) {
		struct pool_job *job = line->first;
		line->first = job->next_in_line;
		if (job->file && --job->file->begun == 0)
			pool_file_free(job->file);
		if (!job->file)
			intake_unref(job->intake);
		bytes_deinit(&job->bytes.data);
		bundle_free(job->bundle);
		mem_free(job);
	}
	mem_free(line);
}

void pool_queue_deinit(struct pool_queue *queue)
{
	struct pool_job *job;

	for (uint32_t i = 0; i < queue->line_count; i++)
		line_free(queue->lines[i]);
	while ((job = pool_job_list_pop(&queue->free)))
		mem_free(job);
	pthread_cond_destroy(&queue->has_work);
	pthread_mutex_destroy(&queue->lock);
	mem_free(queue->lines);
}

static struct pool_line *line_of(struct pool_queue *queue, uint32_t partition)
{
	if (partition >= queue->line_count) {
		uint32_t count = queue->line_count ? queue->line_count : 16;
		while (count <= partition)
			count *= 2;
		queue->lines = mem_grow(queue->lines, count, sizeof(struct pool_line *));
		while (queue->line_count < count)
			queue->lines[queue->line_count++] = NULL;
	}
	if (!queue->lines[partition]) {
		struct pool_line *line = mem_alloc(sizeof(*line));
		line->partition = partition;
		line->end = &line->first;
		queue->lines[partition] = line;
	}
	return queue->lines[partition];
}

/* ---- with the lock ---- */

static struct pool_job *job_take(struct pool_queue *queue)
{
	struct pool_job *job = pool_job_list_pop(&queue->free);

	if (!job)
		return mem_alloc(sizeof(*job));
	queue->free_count--;
	return job;
}

static void job_give(struct pool_queue *queue, struct pool_job *job)
{
	if (queue->free_count == FREE_JOBS_MAX) {
		mem_free(job);
		return;
	}
	*job = (struct pool_job){0};
	list_push(&queue->free, job);
	queue->free_count++;
}

static void enqueue(struct pool_queue *queue, struct pool_line *line, struct pool_job *job,
		    bool is_small)
{
	job->line = line;
	*line->end = job;
	line->end = &job->next_in_line;
	list_push(is_small ? &queue->small : &queue->todo, job);
	if (queue->resting > 0 && !is_small)
		pthread_cond_signal(&queue->has_work);
}

static void begin_block(struct pool_queue *queue, struct pool_file *file, bool is_small)
{
	struct pool_job *job = job_take(queue);

	job->file = file;
	job->intake = file->task.intake;
	job->from = file->next;
	job->is_reset = file->is_reset;
	job->skip = file->skip;
	file->begun++;
	enqueue(queue, file->line, job, is_small);
}

/* ---- loop thread ---- */

void pool_queue_push_bytes(struct pool_queue *queue, const struct pool_bytes_job *task)
{
	struct pool_line *line = line_of(queue, task->partition);

	pthread_mutex_lock(&queue->lock);
	struct pool_job *job = job_take(queue);
	job->intake = intake_ref(task->intake);
	job->bytes = *task;
	job->queued_bytes = task->data.length;
	enqueue(queue, line, job, false);
	pthread_mutex_unlock(&queue->lock);
}

void pool_queue_push_file(struct pool_queue *queue, const struct pool_file_job *task)
{
	struct pool_file *file = mem_alloc(sizeof(*file));

	file->task = *task;
	intake_ref(task->intake);
	file->line = line_of(queue, task->partition);
	file->next = task->from;
	file->is_reset = task->is_reset;
	file->skip = task->skip;
	pthread_mutex_lock(&queue->lock);
	begin_block(queue, file, task->is_small);
	pthread_mutex_unlock(&queue->lock);
}

void pool_queue_collect(struct pool_queue *queue, struct pool_job_list *out)
{
	list_init(out);
	pthread_mutex_lock(&queue->lock);
	for (struct pool_line *line = queue->ready; line; line = line->next_ready) {
		line->is_ready = false;
		while (line->first && line->first->is_done) {
			struct pool_job *job = line->first;
			list_push(out, job);
			if (job->has_rest) {
				job->is_done = false;
				break;
			}
			line->first = job->next_in_line;
			if (!line->first)
				line->end = &line->first;
		}
	}
	queue->ready = NULL;
	queue->ready_end = &queue->ready;
	pthread_mutex_unlock(&queue->lock);
}

void pool_queue_resume(struct pool_queue *queue, struct pool_job *job)
{
	pthread_mutex_lock(&queue->lock);
	list_push_first(&queue->todo, job);
	if (queue->resting > 0)
		pthread_cond_signal(&queue->has_work);
	pthread_mutex_unlock(&queue->lock);
}

void pool_queue_delivered(struct pool_queue *queue, struct pool_job *job)
{
	intake_unref(job->intake);
	bytes_deinit(&job->bytes.data);
	pthread_mutex_lock(&queue->lock);
	job_give(queue, job);
	pthread_mutex_unlock(&queue->lock);
}

bool pool_queue_delivered_block(struct pool_queue *queue, struct pool_job *job, bool goes_on)
{
	struct pool_file *file = job->file;

	pthread_mutex_lock(&queue->lock);
	job_give(queue, job);
	file->begun--;
	file->must_end |= !goes_on;
	if (file->is_parked) {
		file->is_parked = false;
		if (file->must_end)
			file->is_over = true;
		else
			begin_block(queue, file, false);
	}
	bool is_last = file->is_over && file->begun == 0;
	pthread_mutex_unlock(&queue->lock);
	return is_last;
}

struct pool_job *pool_queue_take(struct pool_queue *queue, bool has_readers)
{
	pthread_mutex_lock(&queue->lock);
	struct pool_job *job = pool_job_list_pop(&queue->small);
	if (!job && !has_readers)
		job = pool_job_list_pop(&queue->todo);
	pthread_mutex_unlock(&queue->lock);
	return job;
}

bool pool_queue_has_work(struct pool_queue *queue, bool has_readers)
{
	pthread_mutex_lock(&queue->lock);
	bool has_work = queue->small.first || (!has_readers && queue->todo.first);
	pthread_mutex_unlock(&queue->lock);
	return has_work;
}

void pool_queue_stop(struct pool_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->is_stopping = true;
	pthread_cond_broadcast(&queue->has_work);
	pthread_mutex_unlock(&queue->lock);
}

/* ---- readers ---- */

struct pool_job *pool_queue_await(struct pool_queue *queue)
{
	struct pool_job *job = NULL;

	pthread_mutex_lock(&queue->lock);
	queue->resting++;
	while (!queue->is_stopping && !queue->todo.first)
		pthread_cond_wait(&queue->has_work, &queue->lock);
	queue->resting--;
	if (!queue->is_stopping)
		job = pool_job_list_pop(&queue->todo);
	pthread_mutex_unlock(&queue->lock);
	return job;
}

void pool_queue_advance(struct pool_queue *queue, const struct pool_job *job, bool has_more)
{
	struct pool_file *file = job->file;
	const struct pool_file_read *read = &job->read;

	pthread_mutex_lock(&queue->lock);
	file->next = read->to;
	file->skip = read->skip;
	file->is_reset = file->is_reset && read->to.offset == 0;
	if (!has_more || file->must_end)
		file->is_over = true;
	else if (file->begun >= queue->blocks_max)
		file->is_parked = true;
	else
		begin_block(queue, file, false);
	pthread_mutex_unlock(&queue->lock);
}

bool pool_queue_finish(struct pool_queue *queue, struct pool_job *job)
{
	struct pool_line *line = job->line;

	pthread_mutex_lock(&queue->lock);
	job->is_done = true;
	bool is_news = line->first == job && !line->is_ready;
	if (is_news) {
		line->is_ready = true;
		line->next_ready = NULL;
		*queue->ready_end = line;
		queue->ready_end = &line->next_ready;
	}
	pthread_mutex_unlock(&queue->lock);
	return is_news;
}
