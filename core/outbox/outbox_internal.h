/** outbox_internal.h - between the queues of the outbox and the targets that send. For siblings
 *  and their tests.
 *
 *      outbox.c         the public face: settings in, status out
 *      outbox_queue.c   one queue: in order, back-off, dead letters
 *      outbox_record.c  rows and dead letters as JSON in the store
 *      target_*.c       how rows leave
 *      ledger.c         which message of a channel tells of which incident
 *
 *  How to add a target: embed `struct target` first, fill a `struct target_ops`, add its kind to
 *  make_target() in outbox.c. A target never touches the store and never decides about retries;
 *  it says what happened.
 */
#ifndef TOCSIN_CORE_OUTBOX_OUTBOX_INTERNAL_H
#define TOCSIN_CORE_OUTBOX_OUTBOX_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/channel/rate.h"
#include "core/outbox/outbox.h"
#include "storage/keyspace.h"

struct channel;
struct env;
struct outbox_queue;
struct target;

/* ---- targets ---- */

struct outbox_row {
	const char *id;
	struct slice body;
	bool is_recovered; /**< read at start: an earlier process may have sent it already */
};

enum send_end {
	SEND_DELIVERED, /**< all rows */
	SEND_RETRY,     /**< the row after the delivered ones failed, for now */
	SEND_REFUSED,   /**< it failed for good: dead letter */
};

struct target_ops {
	uint32_t rows_max;
	size_t bytes_max; /**< of bodies in one send; a single longer row comes alone */
	/** Rows are borrowed for the call. Calls target_finish() once, at once or later. */
	void (*send)(struct target *target, const struct outbox_row *rows, uint32_t row_count);
	void (*free)(struct target *target); /**< what is on its way gets no target_finish() */
};

struct target {
	const struct target_ops *ops;
	void (*on_done)(void *arg, uint32_t delivered_count, enum send_end end, const char *error);
	void *arg;
	struct rate_limit limit; /**< of sends; the queue waits for it */
	int64_t wait_ms;         /**< after SEND_RETRY: at least this long */
};

/** `error` is a sentence, NULL with SEND_DELIVERED. */
void target_finish(struct target *target, uint32_t delivered_count, enum send_end end,
		   const char *error);
/** The client's sentence begins with the URL, and the URL is often a password. */
const char *target_error_without_url(const char *error);
/** With full jitter, after the attempt of that number, from 1. */
int64_t outbox_back_off_ms(const struct env *env, uint32_t attempt_count);

/** `is_synced`: delivered means on the disk. */
struct target *target_file_new(const struct env *env, const char *path, bool is_synced);
struct target *target_stdout_new(struct loop *loop, int fd);
/** `secret` NULL: not signed. */
struct target *target_webhook_new(struct loop *loop, struct http_client *client, const char *url,
				  const char *secret, int64_t timeout_ms);
/** "sha256=<hex of HMAC-SHA256(secret, timestamp "." body)>" */
void target_webhook_sign(const char *secret, const char *timestamp, struct slice body,
			 struct bytes *out);

/** A channel of people (borrowed). Of the options: loop, client, and, NULL without a ledger of what
 *  can be edited, kv and commit. */
struct target *target_channel_new(const struct outbox_options *options, const char *name,
				  const struct channel *channel);

/* ---- rows in the store ---- */

struct outbox_record {
	char *id;
	char *body;
	size_t body_length;
	int64_t created_ms;
};

/** ERR_INVALID: text that is not UTF-8. The value is sealed. */
int outbox_record_encode(struct bytes *out, const char *id, struct slice body, int64_t created_ms,
			 const char *error, struct err_note *why);
int outbox_record_decode(struct slice value, struct outbox_record *out, struct err_note *why);
void outbox_record_deinit(struct outbox_record *record);

/** Of the queue of that name; in commit_batch(). */
void outbox_row_delete(const struct outbox_options *options, const char *name, enum keyspace space,
		       uint64_t sequence);
/** ERR_INVALID: text that is not UTF-8. */
int outbox_row_write(const struct outbox_options *options, const char *name, enum keyspace space,
		     uint64_t sequence, const char *id, struct slice body, int64_t created_ms,
		     const char *error, struct err_note *why);
int outbox_row_read(const struct outbox_options *options, const char *name, uint64_t sequence,
		    struct outbox_record *out, struct err_note *why);

/* ---- queues ---- */

struct outbox_waiting {
	uint64_t sequence;
	int64_t created_ms;
	bool is_recovered;
	void (*on_sent)(void *arg, bool is_delivered, const char *error);
	void *arg;
};

struct outbox_queue *outbox_queue_new(const struct outbox_options *options, const char *name);
void outbox_queue_free(struct outbox_queue *queue);
const char *outbox_queue_name(const struct outbox_queue *queue);

/** While the store is read at start. */
void outbox_queue_recover(struct outbox_queue *queue, const struct outbox_waiting *waiting);
void outbox_queue_recover_dead(struct outbox_queue *queue, uint64_t sequence);

/** Target taken; NULL: rows wait. `kind` is a literal. */
void outbox_queue_set_target(struct outbox_queue *queue, struct target *target, const char *kind);
bool outbox_queue_has_target(const struct outbox_queue *queue);
int outbox_queue_put(struct outbox_queue *queue, const char *id, struct slice body,
		     void (*on_sent)(void *arg, bool is_delivered, const char *error), void *arg,
		     struct err_note *why);
bool outbox_queue_is_empty(const struct outbox_queue *queue);
void outbox_queue_status(const struct outbox_queue *queue, struct outbox_status *out);

#endif
