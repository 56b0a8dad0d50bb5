#include "core/outbox/outbox_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/loop/loop.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <inttypes.h>
#include <string.h>

/*  Rows wait in a ring, oldest first:
 *
 *      first                 first + ready             first + count
 *        | sending … | durable, next | not durable yet  |
 *
 *  state      leaves it when
 *  RESTING    a row is durable and there is a target                    -> DUE (timer 0)
 *  DUE        the timer fires: a group is read from the store and sent  -> SENDING
 *             the target's rate is used up                              -> DUE (timer)
 *  SENDING    the target finished: all well or a row was refused        -> DUE or RESTING
 *             a row failed for now                                      -> BACKING_OFF (timer)
 *  BACKING_OFF  the timer fires                                         -> SENDING
 *  Any        the target is replaced or taken away                      -> DUE or RESTING
 *
 *  Bodies stay in the store until they are sent, so a full queue costs 4 MB, not the size of its
 *  rows. */
enum queue_state { RESTING, DUE, SENDING, BACKING_OFF };

enum {
	/* A daemon that was off for a day must not give its rows up at the first failure. */
	ATTEMPTS_BEFORE_DEAD = 5,
	GROUP_ROWS_MAX = 256,
};

struct outbox_queue {
	struct outbox_options options;
	char *name;
	const char *kind;
	struct target *target;
	struct timer *timer;
	enum queue_state state;
	struct outbox_waiting *rows;
	uint32_t first, count, capacity;
	uint32_t ready_count;
	uint32_t attempt_count; /* of the first row, without success */
	uint64_t next_sequence;
	uint64_t
		*dead; /* sequences of the kept ones, oldest at dead_first; OUTBOX_DEAD_MAX slots */
	uint32_t dead_first, dead_count;
	uint64_t sent, retries, dead_total, refused, held, dropped;
	bool is_held; /* the send that is due waits for the target's rate */
	char *last_error;
};

static void on_timer(void *arg);

struct outbox_queue *outbox_queue_new(const struct outbox_options *options, const char *name)
{
	struct outbox_queue *queue = mem_alloc(sizeof(*queue));

	queue->options = *options;
	queue->name = mem_copy_text(name);
	queue->kind = "none";
	queue->timer = timer_new(options->loop, on_timer, queue);
	queue->next_sequence = 1;
	queue->dead = mem_alloc_array(OUTBOX_DEAD_MAX, sizeof(*queue->dead));
	return queue;
}

void outbox_queue_free(struct outbox_queue *queue)
{
	if (!queue)
		return;
	if (queue->target)
		queue->target->ops->free(queue->target);
	timer_free(queue->timer);
	mem_free(queue->rows);
	mem_free(queue->dead);
	mem_free(queue->last_error);
	mem_free(queue->name);
	mem_free(queue);
}

const char *outbox_queue_name(const struct outbox_queue *queue)
{
	return queue->name;
}

static struct outbox_waiting *row_at(const struct outbox_queue *queue, uint32_t index)
{
	return &queue->rows[(queue->first + index) % queue->capacity];
}

static void push(struct outbox_queue *queue, const struct outbox_waiting *waiting)
{
	if (queue->count == queue->capacity) {
		uint32_t capacity = queue->capacity ? 2 * queue->capacity : 16;
		struct outbox_waiting *rows = mem_alloc_array(capacity, sizeof(*rows));

		for (uint32_t index = 0; index < queue->count; index++)
			rows[index] = *row_at(queue, index);
		mem_free(queue->rows);
		queue->rows = rows;
		queue->first = 0;
		queue->capacity = capacity;
	}
	*row_at(queue, queue->count++) = *waiting;
	if (waiting->sequence >= queue->next_sequence)
		queue->next_sequence = waiting->sequence + 1;
}

static struct outbox_waiting pop(struct outbox_queue *queue)
{
	struct outbox_waiting row = *row_at(queue, 0);

	REQUIRE(queue->count > 0 && queue->ready_count > 0);
	queue->first = (queue->first + 1) % queue->capacity;
	queue->count--;
	queue->ready_count--;
	queue->attempt_count = 0;
	return row;
}

static void schedule(struct outbox_queue *queue)
{
	if (!queue->target || queue->state != RESTING || queue->ready_count == 0)
		return;
	queue->state = DUE;
	timer_set(queue->timer, 0);
}

void outbox_queue_recover(struct outbox_queue *queue, const struct outbox_waiting *waiting)
{
	push(queue, waiting);
	queue->ready_count++;
}

static void delete_row(struct outbox_queue *queue, enum keyspace space, uint64_t sequence)
{
	outbox_row_delete(&queue->options, queue->name, space, sequence);
}

/* Past the limit the oldest dead letter makes room. */
static void remember_dead(struct outbox_queue *queue, uint64_t sequence)
{
	if (queue->dead_count == OUTBOX_DEAD_MAX) {
		delete_row(queue, KEYSPACE_OUTBOX_DEAD, queue->dead[queue->dead_first]);
		queue->dead_first = (queue->dead_first + 1) % OUTBOX_DEAD_MAX;
		queue->dead_count--;
	}
	queue->dead[(queue->dead_first + queue->dead_count++) % OUTBOX_DEAD_MAX] = sequence;
	queue->dead_total++;
}

void outbox_queue_recover_dead(struct outbox_queue *queue, uint64_t sequence)
{
	remember_dead(queue, sequence);
	/* A dead letter keeps its number, so a new row must not get it again. */
	if (sequence >= queue->next_sequence)
		queue->next_sequence = sequence + 1;
}

static void on_durable(void *arg)
{
	struct outbox_queue *queue = arg;

	queue->ready_count++;
	schedule(queue);
}

static int refuse(struct outbox_queue *queue, const char *id, struct slice body, int64_t now_ms,
		  struct err_note *why)
{
	int code = outbox_row_write(&queue->options, queue->name, KEYSPACE_OUTBOX_DEAD,
				    queue->next_sequence, id, body, now_ms,
				    "the queue of the target was full", why);

	if (code < 0)
		return code;
	remember_dead(queue, queue->next_sequence++);
	queue->refused++;
	return err_set(why, ERR_FULL,
		       "The output \"%s\" has %d rows waiting; \"%s\" became a dead letter.",
		       queue->name, OUTBOX_ROWS_MAX, id);
}

int outbox_queue_put(struct outbox_queue *queue, const char *id, struct slice body,
		     void (*on_sent)(void *arg, bool is_delivered, const char *error), void *arg,
		     struct err_note *why)
{
	int64_t now_ms = loop_wall_ms(queue->options.loop);
	struct outbox_waiting waiting = {
		.sequence = queue->next_sequence,
		.created_ms = now_ms,
		.on_sent = on_sent,
		.arg = arg,
	};
	int code;

	if (queue->count >= OUTBOX_ROWS_MAX)
		return refuse(queue, id, body, now_ms, why);
	code = outbox_row_write(&queue->options, queue->name, KEYSPACE_OUTBOX, waiting.sequence, id,
				body, now_ms, NULL, why);
	if (code < 0)
		return code;
	push(queue, &waiting);
	commit_after(queue->options.commit, on_durable, queue);
	return 0;
}

static void set_error(struct outbox_queue *queue, const char *error)
{
	mem_free(queue->last_error);
	queue->last_error = mem_copy_text(error);
}

/** Only of targets whose rows pass the gate. */
static void tell_end(const struct outbox_queue *queue, const struct outbox_record *record,
		     const char *error)
{
	const struct outbox_gate *gate = queue->options.gate;

	if (gate && gate->on_end && queue->target && queue->target->ops->rows_max == 1)
		gate->on_end(gate->arg, queue->name, record->id,
			     (struct slice){record->body, record->body_length}, error);
}

static void tell_delivered(const struct outbox_queue *queue, uint64_t sequence)
{
	const struct outbox_gate *gate = queue->options.gate;
	struct outbox_record record = {0};

	if (!gate || !gate->on_end || queue->target->ops->rows_max != 1)
		return;
	if (outbox_row_read(&queue->options, queue->name, sequence, &record, NULL) == 0)
		tell_end(queue, &record, NULL);
	outbox_record_deinit(&record);
}

/* The first row will not be tried again. */
static void bury(struct outbox_queue *queue, const char *error)
{
	struct outbox_waiting row = pop(queue);
	struct outbox_record record = {0};
	struct err_note why = {""};
	int code = outbox_row_read(&queue->options, queue->name, row.sequence, &record, &why);

	if (code == 0)
		code = outbox_row_write(&queue->options, queue->name, KEYSPACE_OUTBOX_DEAD,
					row.sequence, record.id,
					(struct slice){record.body, record.body_length},
					row.created_ms, error, &why);
	if (code == 0) {
		remember_dead(queue, row.sequence);
		log_warn(OUTBOX, "%s: row %s is a dead letter: %s", queue->name, record.id, error);
		tell_end(queue, &record, error);
	} else {
		queue->dead_total++;
		log_error(OUTBOX, "%s: row %" PRIu64 " is lost: %s", queue->name, row.sequence,
			  why.text);
	}
	delete_row(queue, KEYSPACE_OUTBOX, row.sequence);
	outbox_record_deinit(&record);
	if (row.on_sent)
		row.on_sent(row.arg, false, error);
}

static void retry_later(struct outbox_queue *queue, const char *error)
{
	const struct outbox_waiting *row = row_at(queue, 0);
	int64_t age_ms = loop_wall_ms(queue->options.loop) - row->created_ms;
	int64_t delay_ms;

	queue->retries++;
	queue->attempt_count++;
	if (age_ms > OUTBOX_AGE_MAX_MS && queue->attempt_count >= ATTEMPTS_BEFORE_DEAD) {
		bury(queue, error);
		return;
	}
	if (queue->attempt_count == 1)
		log_warn(OUTBOX, "%s: sending failed and is tried again: %s", queue->name, error);
	queue->state = BACKING_OFF;
	delay_ms = outbox_back_off_ms(loop_env(queue->options.loop), queue->attempt_count);
	timer_set(queue->timer,
		  delay_ms > queue->target->wait_ms ? delay_ms : queue->target->wait_ms);
}

static void on_done(void *arg, uint32_t delivered_count, enum send_end end, const char *error)
{
	struct outbox_queue *queue = arg;

	REQUIRE(queue->state == SENDING);
	queue->state = RESTING;
	for (uint32_t index = 0; index < delivered_count; index++) {
		struct outbox_waiting row = pop(queue);

		tell_delivered(queue, row.sequence);
		delete_row(queue, KEYSPACE_OUTBOX, row.sequence);
		queue->sent++;
		if (row.on_sent)
			row.on_sent(row.arg, true, NULL);
	}
	set_error(queue, error);
	switch (end) {
	case SEND_DELIVERED: break;
	case SEND_RETRY: retry_later(queue, error); break;
	case SEND_REFUSED: bury(queue, error); break;
	}
	schedule(queue);
	commit_kick(queue->options.commit);
}

/* Reads rows for one send. Returns how many, or the error of the first one. */
static int read_group(struct outbox_queue *queue, struct outbox_record *records,
		      struct outbox_row *rows, struct err_note *why)
{
	const struct target_ops *ops = queue->target->ops;
	size_t bytes = 0;
	int count = 0;

	while (count < GROUP_ROWS_MAX && (uint32_t)count < ops->rows_max &&
	       (uint32_t)count < queue->ready_count) {
		const struct outbox_waiting *waiting = row_at(queue, (uint32_t)count);
		int code = outbox_row_read(&queue->options, queue->name, waiting->sequence,
					   &records[count], why);

		if (code < 0)
			return count > 0 ? count : code;
		bytes += records[count].body_length;
		if (count > 0 && bytes > ops->bytes_max) {
			outbox_record_deinit(&records[count]);
			break;
		}
		rows[count].id = records[count].id;
		rows[count].body = (struct slice){records[count].body, records[count].body_length};
		rows[count].is_recovered = waiting->is_recovered;
		count++;
	}
	return count;
}

/** True: the timer is set to when the rate lets one go. */
static bool waits_for_rate(struct outbox_queue *queue)
{
	struct rate_limit *limit = &queue->target->limit;
	int64_t wait_ms = rate_limit_wait_ms(limit, loop_mono_ms(queue->options.loop));

	if (wait_ms == 0) {
		queue->is_held = false;
		return false;
	}
	if (!queue->is_held)
		queue->held++;
	queue->is_held = true;
	timer_set(queue->timer, wait_ms);
	return true;
}

/** The row is not to be sent any more: neither delivered nor a dead letter. */
static void drop_first(struct outbox_queue *queue, const char *reason)
{
	struct outbox_waiting row = pop(queue);

	delete_row(queue, KEYSPACE_OUTBOX, row.sequence);
	queue->dropped++;
	queue->state = RESTING;
	if (row.on_sent)
		row.on_sent(row.arg, false, reason);
	schedule(queue);
	commit_kick(queue->options.commit);
}

/** True: it was dropped. */
static bool is_dropped(struct outbox_queue *queue, const struct outbox_row *row)
{
	const struct outbox_gate *gate = queue->options.gate;
	char reason[OUTBOX_REASON_BYTES] = "";

	if (!gate || queue->target->ops->rows_max != 1 ||
	    gate->may_send(gate->arg, queue->name, row->id, row->body, reason))
		return false;
	drop_first(queue, reason);
	return true;
}

static void send_rows(struct outbox_queue *queue, const struct outbox_row *rows, int count)
{
	if (is_dropped(queue, &rows[0]))
		return;
	rate_limit_take(&queue->target->limit);
	queue->target->ops->send(queue->target, rows, (uint32_t)count);
}

static void send_group(struct outbox_queue *queue)
{
	struct outbox_record *records = mem_alloc_array(GROUP_ROWS_MAX, sizeof(*records));
	struct outbox_row rows[GROUP_ROWS_MAX];
	struct err_note why = {""};
	int count = read_group(queue, records, rows, &why);

	queue->state = SENDING;
	queue->target->wait_ms = 0;
	if (count > 0)
		send_rows(queue, rows, count);
	else
		on_done(queue, 0, count == ERR_IO ? SEND_RETRY : SEND_REFUSED, why.text);
	for (int index = 0; index < count; index++)
		outbox_record_deinit(&records[index]);
	mem_free(records);
}

static void on_timer(void *arg)
{
	struct outbox_queue *queue = arg;

	if (!waits_for_rate(queue))
		send_group(queue);
}

void outbox_queue_set_target(struct outbox_queue *queue, struct target *target, const char *kind)
{
	if (queue->target)
		queue->target->ops->free(queue->target);
	timer_cancel(queue->timer);
	queue->is_held = false;
	queue->state = RESTING;
	queue->kind = kind;
	queue->target = target;
	if (!target)
		return;
	target->on_done = on_done;
	target->arg = queue;
	schedule(queue);
}

bool outbox_queue_has_target(const struct outbox_queue *queue)
{
	return queue->target != NULL;
}

bool outbox_queue_is_empty(const struct outbox_queue *queue)
{
	return queue->count == 0 && queue->dead_total == 0;
}

void outbox_queue_status(const struct outbox_queue *queue, struct outbox_status *out)
{
	*out = (struct outbox_status){
		.target = queue->name,
		.kind = queue->kind,
		.waiting = queue->count,
		.sent = queue->sent,
		.retries = queue->retries,
		.dead = queue->dead_total,
		.refused = queue->refused,
		.held = queue->held,
		.dropped = queue->dropped,
		.last_error = queue->last_error,
	};
	if (queue->count > 0)
		out->oldest_ms = loop_wall_ms(queue->options.loop) - row_at(queue, 0)->created_ms;
}
