#include "core/ingest/pool_job.h"

#include <string.h>
#include <xxhash.h>

#include "core/base/env.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/ingest/intake.h"
#include "core/ingest/reader.h"
#include "core/ingest/reader_internal.h"
#include "core/window/watermark.h"

void pool_worker_init(struct pool_worker *worker, const struct env *env, struct bundle_shelf *shelf,
		      uint32_t block_bytes, size_t bundle_bytes)
{
	*worker = (struct pool_worker){
		.env = env, .reader = reader_new(), .shelf = shelf, .block_bytes = block_bytes};
	if (bundle_bytes)
		reader_limit(worker->reader, bundle_bytes);
}

void pool_worker_deinit(struct pool_worker *worker)
{
	reader_free(worker->reader);
	mem_free(worker->block);
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

size_t pool_cut(struct slice block, bool is_last, uint32_t line_bytes_max, bool *skip)
{
	const char *end = block.length ? memrchr(block.data, '\n', block.length) : NULL;
	size_t used = end ? (size_t)(end + 1 - block.data) : 0;
	size_t left = block.length - used;

	if (is_last) {
		*skip = false;
		return block.length;
	}
	if (!end && *skip)
		return block.length;
	/* One CR at the end may yet turn out to be half of the line end. */
	if (left > 0 && left - (block.data[block.length - 1] == '\r') > line_bytes_max) {
		*skip = true;
		return block.length;
	}
	*skip = *skip && !end;
	return used;
}

/** Late readings are counted by the block's own times, and the rest of them by the watermark that
 *  is known when the bundle is given out: blocks of a partition are read at the same time. */
static struct bundle *take_bundle(struct pool_worker *worker, const struct pool_job *job)
{
	struct bundle *bundle = bundle_shelf_take(worker->shelf, job->intake);

	bundle->times.is_kept = true;
	return bundle;
}

static void begin_bytes(struct pool_worker *worker, struct pool_job *job)
{
	struct pool_bytes_job *task = &job->bytes;

	job->receive_ms = env_wall_ms(worker->env);
	if (task->prepare)
		job->code = task->prepare(&task->data, &job->why);
}

void pool_run_bytes(struct pool_worker *worker, struct pool_job *job)
{
	struct pool_bytes_job *task = &job->bytes;
	bool skip = false;

	if (!job->has_rest)
		begin_bytes(worker, job);
	if (job->code != 0)
		return;
	struct reader_block block = {
		.data = task->data.data ? task->data.data + job->at : "",
		.length = task->data.length - job->at,
		.offset = job->at,
		.is_last = true,
		.receive_ms = job->receive_ms,
		.watermark_ms = WATERMARK_NONE,
	};
	struct bundle *bundle = take_bundle(worker, job);
	bundle->partition = task->partition;
	job->at += reader_read(worker->reader, job->intake, &block, &skip, bundle);
	job->bundle = bundle;
	job->has_rest = job->at < task->data.length;
	if (job->has_rest) {
		job->readings += bundle->counters.readings;
		job->malformed += bundle->counters.malformed;
		return;
	}
	bundle->earlier_readings = job->readings;
	bundle->earlier_malformed = job->malformed;
	bundle->on_durable = task->on_durable;
	bundle->arg = task->arg;
	bytes_deinit(&task->data);
}

/** Smaller blocks than 1 MiB cost the loop more (128 KiB: 0.30 s a 5 million lines for 0.20, since
 *  fewer readings share a group) and the readers the same, though 1 MiB is all of a core's L2.
 *
 *  Room for a block: a line that is not over-long ends in the block in which it begins. */
static size_t reserve_block(struct pool_worker *worker, const struct intake *intake)
{
	size_t block_bytes = worker->block_bytes;

	if (block_bytes < 2 * (size_t)intake->line_bytes_max)
		block_bytes = 2 * (size_t)intake->line_bytes_max;
	if (worker->block_capacity < POSITION_CHECK_BYTES + block_bytes) {
		mem_free(worker->block);
		worker->block_capacity = POSITION_CHECK_BYTES + block_bytes;
		worker->block = mem_alloc(worker->block_capacity);
	}
	return block_bytes;
}

/** The bytes before the block and the block come from one read: a file that was truncated and has
 *  grown again in the meantime cannot pass with the old check and the new bytes. */
bool pool_run_cut(struct pool_worker *worker, struct pool_job *job,
		  const struct pool_file_job *task)
{
	size_t block_bytes = reserve_block(worker, job->intake);
	size_t lead = check_bytes(job->from.offset);
	struct pool_file_read *read = &job->read;
	size_t got;

	*read = (struct pool_file_read){
		.to = job->from, .skip = job->skip, .read_to = job->from.offset};
	worker->used_bytes = 0;
	read->code = read_fully(worker->env, task->fd, worker->block, lead + block_bytes,
				job->from.offset - lead, &got);
	if (read->code != 0)
		return false;
	if (got < lead || (lead && XXH3_64bits(worker->block, lead) != job->from.check)) {
		read->is_changed = true;
		return false;
	}
	got -= lead;
	read->at_end = got < block_bytes;
	read->read_to = job->from.offset + got;
	worker->lead_bytes = lead;
	worker->got_bytes = got;
	worker->is_last = task->is_final && read->at_end;
	size_t used = pool_cut((struct slice){worker->block + lead, got}, worker->is_last,
			       job->intake->line_bytes_max, &read->skip);
	worker->used_bytes = used;
	read->to.offset += used;
	size_t tail = check_bytes(read->to.offset);
	if (used > 0)
		read->to.check = XXH3_64bits(worker->block + lead + used - tail, tail);
	return !read->at_end;
}

/** What is left of the block after `used` bytes stays with the job, and the bytes before it that
 *  the check needs: read again, the file may be another one, and the blocks after it have begun. */
static void keep_rest(struct pool_job *job, const struct reader_block *block, size_t used)
{
	size_t lead = check_bytes(job->from.offset);

	if (job->has_rest) {
		job->at += used;
		return;
	}
	job->bytes.data = BYTES_EMPTY;
	bytes_append(&job->bytes.data, block->data + used - lead, block->length - used + lead);
	job->at = lead;
	job->is_last = block->is_last;
	job->receive_ms = block->receive_ms;
}

static void read_piece(struct pool_worker *worker, struct pool_job *job,
		       const struct pool_file_job *task, const struct reader_block *block)
{
	struct bundle *bundle = take_bundle(worker, job);
	bool skip = job->skip;
	size_t used = reader_read(worker->reader, job->intake, block, &skip, bundle);
	struct position to = job->read.to;

	bundle->partition = task->partition;
	bundle->is_positioned = true;
	bundle->is_reset = job->is_reset;
	bundle->from = job->from;
	bundle->on_durable = task->on_durable;
	bundle->arg = task->arg;
	job->bundle = bundle;
	if (job->from.offset + used == to.offset) {
		REQUIRE(skip == job->read.skip);
		job->has_rest = false;
		bytes_deinit(&job->bytes.data);
	} else {
		REQUIRE(used > 0 && !skip && job->from.offset + used < to.offset);
		to.offset = job->from.offset + used;
		size_t tail = check_bytes(to.offset);
		to.check = XXH3_64bits(block->data + used - tail, tail);
		job->from = to;
		job->skip = false;
		job->is_reset = false;
		keep_rest(job, block, used);
		job->has_rest = true;
	}
	bundle->to = to;
}

void pool_run_block(struct pool_worker *worker, struct pool_job *job,
		    const struct pool_file_job *task)
{
	if (worker->used_bytes == 0)
		return;
	struct reader_block block = {
		.data = worker->block + worker->lead_bytes,
		.length = worker->got_bytes,
		.offset = job->from.offset,
		.is_last = worker->is_last,
		.receive_ms = env_wall_ms(worker->env),
		.watermark_ms = WATERMARK_NONE,
	};
	read_piece(worker, job, task, &block);
}

void pool_run_rest(struct pool_worker *worker, struct pool_job *job,
		   const struct pool_file_job *task)
{
	struct reader_block block = {
		.data = job->bytes.data.data + job->at,
		.length = job->bytes.data.length - job->at,
		.offset = job->from.offset,
		.is_last = job->is_last,
		.receive_ms = job->receive_ms,
		.watermark_ms = WATERMARK_NONE,
	};
	read_piece(worker, job, task, &block);
}
