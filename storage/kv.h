/** kv.h - bytes under keys, atomic batches, ordered iteration. Backends: kv_rocksdb.c, kv_memory.c.
 *
 *  1. Keys and values are byte slices; order is memcmp order.
 *  2. A batch is written whole or not at all.
 *  3. kv_get and kv_scan copy or lend: the slices given to `each` are borrowed until it returns.
 *     `each` may write; whether the scan sees that is not defined.
 *  4. All but kv_write and kv_free may be called from any thread; kv_write from one at a time.
 *  5. A failed write is fail-stop: the store takes no more and must be opened again.
 */
#ifndef TOCSIN_STORAGE_KV_H
#define TOCSIN_STORAGE_KV_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct kv;
struct kv_batch;

enum kv_sync { KV_SYNC_COMMIT, KV_SYNC_INTERVAL, KV_SYNC_OS };

struct kv_options {
	/** COMMIT: fsync each batch. INTERVAL: at most 50 ms of batches, and what stays when
	 *  writing pauses is synced by commit.c soon after. OS: only kv_flush() and the kernel. */
	enum kv_sync sync;
	bool accepts_loss;       /**< open although the high-water mark says that data is missing */
	uint64_t free_bytes_min; /**< kv_has_room() is false below this; 0 = 128 MiB */
};

/** Opens or creates the directory `path`; `<path>.mark` and `<path>.ballast` are made beside it.
 *  ERR_CORRUPT (damaged log, or behind its high-water mark: the note names the file and what to
 *  do), ERR_CONFLICT (in use by another process), ERR_IO. */
int kv_rocksdb_open(struct kv **out, const char *path, const struct kv_options *options,
		    struct err_note *why);
struct kv *kv_memory_new(void);
void kv_free(struct kv *kv); /**< closes; NULL allowed */

/** Appends the value to `out`. ERR_NOT_FOUND, ERR_IO. */
int kv_get(struct kv *kv, struct slice key, struct bytes *out, struct err_note *why);
int kv_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why);

/** Every pair whose key starts with `prefix` (empty: all), in order or backward; `each` returns
 *  false to stop. */
int kv_scan(struct kv *kv, struct slice prefix, bool is_backward,
	    bool (*each)(void *arg, struct slice key, struct slice value), void *arg,
	    struct err_note *why);

/** Makes earlier unsynced writes durable (interval policy, shutdown). */
int kv_flush(struct kv *kv, struct err_note *why);
/** False when the disk is nearly full: stop taking input before the store meets ENOSPC. */
bool kv_has_room(struct kv *kv);

struct kv_batch *kv_batch_new(void);
void kv_batch_free(struct kv_batch *batch);
void kv_batch_clear(struct kv_batch *batch);
void kv_batch_put(struct kv_batch *batch, struct slice key, struct slice value);
void kv_batch_delete(struct kv_batch *batch, struct slice key);
/** Deletes [from, to); nothing when the range is empty. */
void kv_batch_delete_range(struct kv_batch *batch, struct slice from, struct slice to);
uint32_t kv_batch_count(const struct kv_batch *batch);
uint64_t kv_batch_bytes(const struct kv_batch *batch);

#endif
