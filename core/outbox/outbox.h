/** outbox.h - what leaves the program: a row in the same WriteBatch as its cause, sent, deleted.
 *
 *  At least once with a stable id, in order per target while it succeeds. Per target: own queue,
 *  own retry with full-jitter back-off (500 ms .. 60 s), own limits; one slow target delays no
 *  other. A row that still fails after OUTBOX_AGE_MAX_MS, or is refused for good (4xx other than
 *  408, 425, 429), becomes a dead letter: kept (bounded), counted, visible in status.
 *  Targets: file (JSON lines, appended, fsync per group), stdout, webhook (POST, headers Tocsin-Id,
 *  Idempotency-Key, Tocsin-Timestamp in seconds, and with a secret Tocsin-Signature: "sha256=" and
 *  the HMAC-SHA256 of timestamp "." body in hex).
 *  Channels of people (core/channel/channel.h): the row is rendered, signed and judged there; a
 *  rate's worth of them goes at a time, the others wait.
 *  Owner: outbox_new() result owned; the options' objects are borrowed until outbox_free(), which
 *  comes before commit_free(). Threads: loop thread.
 *  Limits: OUTBOX_ROWS_MAX rows a target: past it the newest is refused to the dead letters,
 *  counted. OUTBOX_DEAD_MAX dead letters a target: past it the oldest goes.
 */
#ifndef TOCSIN_CORE_OUTBOX_OUTBOX_H
#define TOCSIN_CORE_OUTBOX_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct channel;
struct commit;
struct config;
struct err_note;
struct http_client;
struct kv;
struct loop;
struct outbox;
struct outbox_trial;

enum { OUTBOX_ROWS_MAX = 100000, OUTBOX_AGE_MAX_MS = 86400000, OUTBOX_DEAD_MAX = 1000 };
enum { OUTBOX_BODY_BYTES_MAX = 1024 * 1024, OUTBOX_REASON_BYTES = 256 };

/** Asked just before a row is sent to an output that takes one at a time (a channel, a webhook),
 *  and again at each attempt: what was true when it was queued may not be now. */
struct outbox_gate {
	/** False: the row is dropped, and `reason` (OUTBOX_REASON_BYTES) says why. */
	bool (*may_send)(void *arg, const char *output, const char *id, struct slice body,
			 char *reason);
	void *arg;
	/** Such a row was delivered (`error` NULL), or became a dead letter; in the batch that
	 *  takes it out of the queue, also when an earlier process put it there. May be NULL. */
	void (*on_end)(void *arg, const char *output, const char *id, struct slice body,
		       const char *error);
};

struct outbox_options {
	struct kv *kv;
	struct commit *commit;
	struct loop *loop;
	struct http_client *client;     /**< NULL: no webhooks (replay) */
	const char *state_dir;          /**< relative file paths start here */
	bool leaves_sync_to_os;         /**< storage.sync = "os" holds for files as for the store */
	const struct outbox_gate *gate; /**< NULL: every row is sent */
};

/** Reads the rows that were not sent yet. They go out once outbox_configure() names their
 *  target. */
int outbox_new(struct outbox **out, const struct outbox_options *options, struct err_note *why);
void outbox_free(struct outbox *outbox);
/** Targets from the site (what is needed is copied). Rows of a target that is gone wait; queues and
 *  unchanged targets stay. On failure (a secret that cannot be read) nothing changes. */
int outbox_configure(struct outbox *outbox, struct config *config, struct err_note *why);

/** Puts a row into commit_batch(); it is sent after that batch is durable. `body` is one line of
 *  JSON without line end (copied). `on_sent` (may be NULL) is called on delivery or final failure,
 *  in this process only. ERR_NOT_FOUND (target), ERR_INVALID (id, body), ERR_RANGE (length),
 *  ERR_FULL (the row is a dead letter in commit_batch(); `on_sent` is not called). */
int outbox_put(struct outbox *outbox, const char *target, const char *id, struct slice body,
	       void (*on_sent)(void *arg, bool is_delivered, const char *error), void *arg,
	       struct err_note *why);

struct outbox_status {
	const char *target;
	const char *kind; /**< "file", "stdout", "webhook", a channel's; "none": not in the site */
	uint64_t waiting, sent, retries;
	uint64_t dead;          /**< became dead letters, those found at start included */
	uint64_t refused;       /**< of them, because the queue was full */
	uint64_t dropped;       /**< rows that the gate did not let out */
	uint64_t held;          /**< sends that waited for the output's rate */
	int64_t oldest_ms;      /**< age of the oldest waiting row */
	const char *last_error; /**< or NULL */
};
void outbox_each(const struct outbox *outbox,
		 void (*each)(void *arg, const struct outbox_status *status), void *arg);

/** One message to a channel (borrowed), without a queue, a store or a second attempt: for `tocsin
 *  notify test`. Of the options: loop and client. */
struct outbox_trial *
outbox_trial_new(const struct outbox_options *options, const struct channel *channel,
		 void (*on_done)(void *arg, bool is_delivered, const char *error), void *arg);
void outbox_trial_send(struct outbox_trial *trial, const char *id, struct slice body);
void outbox_trial_free(struct outbox_trial *trial);

#endif
