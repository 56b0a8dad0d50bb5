#include "core/ingest/pool_job.h"

#include <xxhash.h>

#include "core/base/env.h"
#include "core/base/mem.h"
#include "core/ingest/intake.h"
#include "core/ingest/reader.h"

void pool_worker_init(struct pool_worker *worker, const struct env *env, uint64_t seed)
{
	*worker = (struct pool_worker){.env = env, .reader = reader_new(), .seed = seed};
}

void pool_worker_deinit(struct pool_worker *worker)
{
	reader_free(worker->reader);
	mem_free(worker->block);
}

void pool_job_free(struct pool_job *job)
{
	if (!job)
		return;
	intake_unref(job->intake);
	bytes_deinit(&job->bytes.data);
	bundle_free(job->bundle);
	mem_free(job);
}

/** Reads `length` bytes or up to the end of the file; ERR_IO. */
static int read_fully(const struct env *env, int fd, char *out, size_t length, uint64_t offset,
		      size_t *got)
{
	*got = 0;
	while (*got < length) {
		ssize_t count = env->ops->file_read(env->self, fd, out + *got, length - *got,
						    offset + *got);
		if (count < 0)
			return ERR_IO;
		if (count == 0)
			break;
		*got += (size_t)count;
	}
	return 0;
}

static size_t check_bytes(uint64_t offset)
{
	return offset < POSITION_CHECK_BYTES ? (size_t)offset : POSITION_CHECK_BYTES;
}

int position_check(const struct env *env, int fd, uint64_t offset, uint64_t *check, char *last)
{
	char bytes[POSITION_CHECK_BYTES];
	size_t length = check_bytes(offset);
	size_t got;

	if (length == 0) {
		*check = 0;
		return 0;
	}
	if (read_fully(env, fd, bytes, length, offset - length, &got) != 0)
		return ERR_IO;
	if (got < length)
		return ERR_RANGE;
	*check = XXH3_64bits(bytes, length);
	if (last)
		*last = bytes[length - 1];
	return 0;
}

static void run_bytes(struct pool_worker *worker, struct pool_job *job)
{
	struct pool_bytes_job *task = &job->bytes;
	bool skip = false;

	if (task->prepare) {
		job->code = task->prepare(&task->data, &job->why);
		if (job->code != 0)
			return;
	}
	struct reader_block block = {
		.data = task->data.data ? task->data.data : "",
		.length = task->data.length,
		.is_last = true,
		.receive_ms = env_wall_ms(worker->env),
		.watermark_ms = task->watermark_ms,
	};
	job->bundle = bundle_new(job->intake, worker->seed);
	job->bundle->partition = job->partition;
	job->bundle->on_durable = task->on_durable;
	job->bundle->arg = task->arg;
	reader_read(worker->reader, job->intake, &block, &skip, job->bundle);
	bytes_deinit(&task->data);
}

/** The bytes before `from` and the block come from one read: a file that was truncated and has
 *  grown again in the meantime cannot pass with the old check and the new bytes. */
static void run_file(struct pool_worker *worker, struct pool_job *job)
{
	const struct pool_file_job *task = &job->file;
	size_t lead = check_bytes(task->from.offset);
	size_t got;

	job->read.to = task->from;
	job->read.skip = task->skip;
	job->read.read_to = task->from.offset;
	if (!worker->block)
		worker->block = mem_alloc(POSITION_CHECK_BYTES + POOL_FILE_BLOCK_BYTES);
	job->read.code = read_fully(worker->env, task->fd, worker->block,
				    lead + POOL_FILE_BLOCK_BYTES, task->from.offset - lead, &got);
	if (job->read.code != 0)
		return;
	if (got < lead || (lead && XXH3_64bits(worker->block, lead) != task->from.check)) {
		job->read.is_changed = true;
		return;
	}
	got -= lead;
	job->read.at_end = got < POOL_FILE_BLOCK_BYTES;
	job->read.read_to = task->from.offset + got;
	struct reader_block block = {
		.data = worker->block + lead,
		.length = got,
		.offset = task->from.offset,
		.is_last = task->is_final && job->read.at_end,
		.receive_ms = env_wall_ms(worker->env),
		.watermark_ms = task->watermark_ms,
	};
	struct bundle *bundle = bundle_new(job->intake, worker->seed);
	size_t used = reader_read(worker->reader, job->intake, &block, &job->read.skip, bundle);
	if (used == 0) {
		bundle_free(bundle);
		return;
	}
	job->read.to.offset += used;
	size_t tail = check_bytes(job->read.to.offset);
	job->read.to.check = XXH3_64bits(worker->block + lead + used - tail, tail);
	bundle->partition = job->partition;
	bundle->is_positioned = true;
	bundle->is_reset = task->is_reset;
	bundle->from = task->from;
	bundle->to = job->read.to;
	bundle->on_durable = task->on_durable;
	bundle->arg = task->arg;
	job->bundle = bundle;
}

void pool_job_run(struct pool_worker *worker, struct pool_job *job)
{
	if (job->is_file)
		run_file(worker, job);
	else
		run_bytes(worker, job);
}
