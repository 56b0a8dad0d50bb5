/** commit.h - the one place where state becomes durable: a gathering batch and a commit in flight.
 *
 *      gather (loop thread) --commit_kick--> in flight (writer thread) --done--> callbacks (loop)
 *
 *  Everybody adds to commit_batch(); commit_after() registers what must wait for durability
 *  (acknowledge, send, resume). While one commit is in flight the next one gathers, so under load
 *  batches grow by themselves. Callbacks run in the order of registration, and may add to the next
 *  batch. What one turn adds before it returns to the loop is never split over two commits, except
 *  by its own kick.
 *  A failed write is fail-stop: no callback of it or after it is ever run; `on_failure` is called
 *  once. Without a writer thread (replay, tests) commit_kick() writes at once and runs the
 *  callbacks. Owner: commit_new() result owned; kv borrowed until commit_free(). Threads: loop
 *  thread only.
 */
#ifndef TOCSIN_STORAGE_COMMIT_H
#define TOCSIN_STORAGE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

struct commit;
struct err_note;
struct kv;
struct kv_batch;

struct commit_options {
	bool is_threaded;
	bool is_quick; /**< a write does not wait for the disk: small ones spare the thread */
	void (*wake)(void *arg); /**< any thread: ask the loop to call commit_poll() soon */
	void (*on_failure)(void *arg, const struct err_note *why); /**< loop thread, once */
	void *arg;
};

int commit_new(struct commit **out, struct kv *kv, const struct commit_options *options,
	       struct err_note *why);
void commit_free(
	struct commit *commit); /**< drops what was not kicked: call commit_flush() first */

struct kv_batch *commit_batch(struct commit *commit); /**< ask each time: it changes with a kick */
/** Not called when the write fails. `arg` must live until then, or until commit_free(). */
void commit_after(struct commit *commit, void (*fn)(void *arg), void *arg);
/** `fn` is called just before a batch is written, when something is kept back: it adds that to
 *  commit_batch(). So what changes ten times while a commit is in flight is encoded once. There is
 *  one such function; NULL takes it away. */
void commit_before(struct commit *commit, void (*fn)(void *arg), void *arg);
/** Something is kept back: the gathering batch is not empty, though nothing may be in it yet. */
void commit_keep_back(struct commit *commit);
void commit_kick(struct commit *commit); /**< starts a write when none is in flight; cheap */
void commit_poll(struct commit *commit); /**< callbacks of a finished write, then starts the next */
/** Waits until everything gathered so far is durable (whatever the sync policy) and its callbacks
 *  have run. ERR_IO after failure. Not from a callback. */
int commit_flush(struct commit *commit, struct err_note *why);

struct commit_usage {
	uint64_t commit_count;
	uint64_t put_count; /**< operations, deletions included */
	uint64_t bytes;
	uint64_t write_us_total;
	uint64_t write_us_max;
	bool has_failed;
};
void commit_usage(const struct commit *commit, struct commit_usage *out);

#endif
