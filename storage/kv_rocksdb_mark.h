/** kv_rocksdb_mark.h - the high-water mark: how far the store was durable, kept in a file outside
 *  of it.
 *
 *  RocksDB opens happily when its log was cut, deleted, or replaced by an old copy. The mark is
 *  the witness: a store that ends before it has lost something. File `<store>.mark`, 1,024 bytes,
 *  two slots (offsets 0 and 512) written in turn, so that a torn write leaves the other one:
 *
 *      "TOCSINHW" (8)   sequence (8, big-endian)   XXH3-64 of the first 16 bytes (8)
 *
 *  Its lock (flock) also says who has the store open. Threads: one at a time (kv_rocksdb.c holds
 *  its lock).
 */
#ifndef TOCSIN_STORAGE_KV_ROCKSDB_MARK_H
#define TOCSIN_STORAGE_KV_ROCKSDB_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;

enum { KV_MARK_INTERVAL_MS = 100 };

struct kv_mark {
	int fd;
	char *path;
	uint64_t sequence;  /**< the highest that is stored */
	int64_t written_ms; /**< monotonic; 0 = not by this process */
	unsigned slot;      /**< where the next one goes */
	bool is_damaged;    /**< a file without a readable slot */
};

/** Opens or creates, locks and reads. ERR_CONFLICT: another process (or handle) has it; ERR_IO. */
int kv_mark_open(struct kv_mark *mark, const char *store_path, struct err_note *why);
void kv_mark_close(struct kv_mark *mark);
/** Stores `sequence`, durably, unless that was done less than KV_MARK_INTERVAL_MS ago (or it is
 *  forced). */
int kv_mark_note(struct kv_mark *mark, uint64_t sequence, int64_t now_ms, bool is_forced,
		 struct err_note *why);
/** Overwrites both slots, also with a lower number: the operator accepted a loss. */
int kv_mark_reset(struct kv_mark *mark, uint64_t sequence, struct err_note *why);

#endif
