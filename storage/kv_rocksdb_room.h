/** kv_rocksdb_room.h - meets a full disk before RocksDB does: Debian's 7.8.3 aborts the process
 *  on ENOSPC.
 *
 *  Two guards. kv_room_check() is false below `free_bytes_min`, so that input stops in time. When
 *  even a ballast's worth of space is gone, the ballast file `<store>.ballast` is deleted, so
 *  that what is running can commit, and a restart can recover, instead of aborting for ever; it
 *  comes back when there is room again. Threads: any.
 */
#ifndef TOCSIN_STORAGE_KV_ROCKSDB_ROOM_H
#define TOCSIN_STORAGE_KV_ROCKSDB_ROOM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { KV_ROOM_BALLAST_BYTES = 32 * 1024 * 1024, KV_ROOM_CHECK_MS = 1000 };

#define KV_ROOM_FREE_BYTES_DEFAULT (UINT64_C(128) * 1024 * 1024)

struct kv_room {
	pthread_mutex_t lock;
	char *directory;
	char *ballast_path;
	uint64_t free_bytes_min;
	int64_t checked_ms;
	bool has_room;
	bool has_ballast;
};

/** `free_bytes_min` 0 gives the default. Makes the ballast when there is room for it. */
void kv_room_init(struct kv_room *room, const char *store_path, uint64_t free_bytes_min,
		  int64_t now_ms);
void kv_room_deinit(struct kv_room *room);
/** Asks the file system at most once in KV_ROOM_CHECK_MS. */
bool kv_room_check(struct kv_room *room, int64_t now_ms);

#endif
