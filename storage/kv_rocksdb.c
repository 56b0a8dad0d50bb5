#include "storage/kv.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "storage/kv_backend.h"
#include "storage/kv_rocksdb_mark.h"
#include "storage/kv_rocksdb_room.h"

#include <rocksdb/c.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	WRITE_BUFFER_BYTES = 16 * 1024 * 1024, /* bounds what a start has to recover */
	CACHE_BYTES = 32 * 1024 * 1024,
	OPEN_FILES_MAX = 256,
	LOG_FILE_BYTES_MAX = 4 * 1024 * 1024,
	LOG_FILES_KEPT = 3,
	LOG_LEVEL_WARN = 2,
	BLOOM_BITS_PER_KEY = 10,
	SYNC_INTERVAL_MS = 50, /* of KV_SYNC_INTERVAL */
	/* rocksdb::WALRecoveryMode */
	RECOVER_TOLERATE_CORRUPTED_TAIL = 0,
	RECOVER_POINT_IN_TIME = 2,
};

struct kv_rocksdb {
	struct kv kv;
	char *path;
	enum kv_sync sync;
	rocksdb_options_t *options;
	rocksdb_cache_t *cache;
	rocksdb_writeoptions_t *write_options;
	rocksdb_readoptions_t *get_options;
	rocksdb_writebatch_t *batch;
	rocksdb_t *db;
	struct kv_room room;
	pthread_mutex_t
		lock; /* guards what follows; kv_flush comes from another thread than kv_write */
	struct kv_mark mark;
	bool has_mark;
	uint64_t written_sequence; /* by this process */
	uint64_t synced_sequence;
	int64_t synced_ms;
};

static struct kv_rocksdb *rocksdb_of(struct kv *kv)
{
	return (struct kv_rocksdb *)kv;
}

static int64_t now_ms(void)
{
	struct timespec now;

	REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Frees the text of RocksDB and turns it into ours; 0 when there is none. */
static int take_error(const struct kv_rocksdb *self, char *error, const char *what,
		      struct err_note *why)
{
	int code = ERR_IO;

	if (!error)
		return 0;
	if (strncmp(error, "Corruption", 10) == 0) {
		code = err_set(why, ERR_CORRUPT,
			       "%s the store \"%s\" failed because its data is damaged (%s). "
			       "Restore the directory from a copy, or move it "
			       "away together with \"%s.mark\" to begin with an empty store.",
			       what, self->path, error, self->path);
	} else if (strstr(error, "/LOCK") && !strstr(error, "open a file for lock")) {
		code = err_set(why, ERR_CONFLICT,
			       "The store \"%s\" is in use by another process (%s).", self->path,
			       error);
	} else {
		code = err_set(why, ERR_IO, "%s the store \"%s\" failed: %s.", what, self->path,
			       error);
	}
	rocksdb_free(error);
	return code;
}

static int make_options(struct kv_rocksdb *self, struct err_note *why)
{
	rocksdb_options_t *base = rocksdb_options_create();
	rocksdb_block_based_table_options_t *table;
	char *error = NULL;

	self->options = rocksdb_options_create();
	/* 7.8.3 has no setter for it in C. Without it a deleted log file goes unnoticed. */
	rocksdb_get_options_from_string(base, "track_and_verify_wals_in_manifest=true",
					self->options, &error);
	rocksdb_options_destroy(base);
	if (error)
		return take_error(self, error, "Setting the options of", why);
	rocksdb_options_set_create_if_missing(self->options, 1);
	rocksdb_options_set_paranoid_checks(self->options, 1);
	/* Mode 0 refuses a damaged log and accepts a torn end, but it accepts a torn end of an
	 * older log too: after a power loss with unsynced writes that would be a hole, so the
	 * relaxed policies stop at it (mode 2). */
	rocksdb_options_set_wal_recovery_mode(
		self->options, self->sync == KV_SYNC_COMMIT ? RECOVER_TOLERATE_CORRUPTED_TAIL
							    : RECOVER_POINT_IN_TIME);
	rocksdb_options_set_write_buffer_size(self->options, WRITE_BUFFER_BYTES);
	rocksdb_options_set_max_open_files(self->options, OPEN_FILES_MAX);
	rocksdb_options_set_max_log_file_size(self->options, LOG_FILE_BYTES_MAX);
	rocksdb_options_set_keep_log_file_num(self->options, LOG_FILES_KEPT);
	rocksdb_options_set_info_log_level(self->options, LOG_LEVEL_WARN);
	self->cache = rocksdb_cache_create_lru(CACHE_BYTES);
	table = rocksdb_block_based_options_create();
	rocksdb_block_based_options_set_block_cache(table, self->cache);
	rocksdb_block_based_options_set_filter_policy(
		table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS_PER_KEY));
	rocksdb_options_set_block_based_table_factory(self->options, table);
	rocksdb_block_based_options_destroy(table);
	self->write_options = rocksdb_writeoptions_create();
	self->get_options = rocksdb_readoptions_create();
	self->batch = rocksdb_writebatch_create();
	return 0;
}

static void close_all(struct kv_rocksdb *self)
{
	if (self->db)
		rocksdb_close(self->db);
	if (self->batch)
		rocksdb_writebatch_destroy(self->batch);
	if (self->get_options)
		rocksdb_readoptions_destroy(self->get_options);
	if (self->write_options)
		rocksdb_writeoptions_destroy(self->write_options);
	if (self->options)
		rocksdb_options_destroy(self->options);
	if (self->cache)
		rocksdb_cache_destroy(self->cache);
	if (self->has_mark) {
		kv_mark_close(&self->mark);
		kv_room_deinit(&self->room);
	}
	pthread_mutex_destroy(&self->lock);
	mem_free(self->path);
	mem_free(self);
}

/* The mark file is the witness of its own store only as long as its name is on the disk. */
static int sync_parent(const struct kv_rocksdb *self, struct err_note *why)
{
	int fd = open(self->room.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = 0;

	if (fd < 0 || fsync(fd) != 0)
		code = err_errno(why, ERR_IO, errno, "Syncing the directory \"%s\" failed",
				 self->room.directory);
	if (fd >= 0)
		close(fd);
	return code;
}

static int check_mark(struct kv_rocksdb *self, bool accepts_loss, struct err_note *why)
{
	uint64_t sequence = rocksdb_get_latest_sequence_number(self->db);

	if (!self->mark.is_damaged && sequence >= self->mark.sequence)
		return 0;
	if (accepts_loss)
		return kv_mark_reset(&self->mark, sequence, why);
	if (self->mark.is_damaged)
		return err_set(why, ERR_CORRUPT,
			       "The mark file \"%s\" is damaged, so nobody can tell whether the "
			       "store \"%s\" is complete. Restore it, or accept a possible loss "
			       "explicitly.",
			       self->mark.path, self->path);
	return err_set(why, ERR_CORRUPT,
		       "The store \"%s\" ends at write %" PRIu64 " but \"%s\" says that write "
		       "%" PRIu64 " was durable: a log was cut or deleted, or an old copy was "
		       "restored. Restore the newest copy, or accept the loss explicitly.",
		       self->path, sequence, self->mark.path, self->mark.sequence);
}

static int open_all(struct kv_rocksdb *self, const struct kv_options *options, struct err_note *why)
{
	char *error = NULL;
	int code = kv_mark_open(&self->mark, self->path, why);

	if (code < 0)
		return code;
	/* Before RocksDB: recovery writes, and a full disk would abort us. */
	kv_room_init(&self->room, self->path, options->free_bytes_min, now_ms());
	self->has_mark = true;
	code = make_options(self, why);
	if (code < 0)
		return code;
	self->db = rocksdb_open(self->options, self->path, &error);
	code = take_error(self, error, "Opening", why);
	if (code == 0)
		code = check_mark(self, options->accepts_loss, why);
	return code < 0 ? code : sync_parent(self, why);
}

/* With the lock held. `sequence` was read before the sync began, so all of it is on the disk
 * now. */
static void note_synced(struct kv_rocksdb *self, uint64_t sequence)
{
	self->synced_sequence = sequence;
	self->synced_ms = now_ms();
}

static int move_mark(struct kv_rocksdb *self, bool is_forced, struct err_note *why)
{
	return kv_mark_note(&self->mark, self->synced_sequence, now_ms(), is_forced, why);
}

static int sync_log(struct kv_rocksdb *self, struct err_note *why)
{
	char *error = NULL;
	int code;

	if (self->synced_sequence < self->written_sequence) {
		rocksdb_flush_wal(self->db, 1, &error);
		code = take_error(self, error, "Syncing", why);
		if (code < 0)
			return code;
	}
	note_synced(self, self->written_sequence);
	return move_mark(self, true, why);
}

static void fill_batch(rocksdb_writebatch_t *out, const struct kv_batch *batch)
{
	size_t offset = 0;
	struct kv_op op;

	rocksdb_writebatch_clear(out);
	while (kv_batch_next(batch, &offset, &op)) {
		switch (op.type) {
		case KV_OP_PUT:
			rocksdb_writebatch_put(out, op.key.data, op.key.length, op.value.data,
					       op.value.length);
			break;
		case KV_OP_DELETE:
			rocksdb_writebatch_delete(out, op.key.data, op.key.length);
			break;
		case KV_OP_DELETE_RANGE:
			rocksdb_writebatch_delete_range(out, op.key.data, op.key.length,
							op.value.data, op.value.length);
			break;
		}
	}
}

static bool must_sync(const struct kv_rocksdb *self)
{
	switch (self->sync) {
	case KV_SYNC_COMMIT: return true;
	case KV_SYNC_INTERVAL: return now_ms() - self->synced_ms >= SYNC_INTERVAL_MS;
	case KV_SYNC_OS: return false;
	}
	return true;
}

static int rocksdb_backend_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why)
{
	struct kv_rocksdb *self = rocksdb_of(kv);
	char *error = NULL;
	bool is_synced;
	int code;

	pthread_mutex_lock(&self->lock);
	is_synced = must_sync(self);
	fill_batch(self->batch, batch);
	rocksdb_writeoptions_set_sync(self->write_options, is_synced);
	rocksdb_write(self->db, self->write_options, self->batch, &error);
	code = take_error(self, error, "Writing to", why);
	if (code == 0) {
		self->written_sequence = rocksdb_get_latest_sequence_number(self->db);
		if (is_synced)
			note_synced(self, self->written_sequence);
	}
	pthread_mutex_unlock(&self->lock);
	return code;
}

/* The mark has a sync of its own, and may be late: the answer to a write does not wait for it. */
static int rocksdb_backend_settle(struct kv *kv, struct err_note *why)
{
	struct kv_rocksdb *self = rocksdb_of(kv);
	int code;

	pthread_mutex_lock(&self->lock);
	code = move_mark(self, false, why);
	pthread_mutex_unlock(&self->lock);
	return code;
}

static int rocksdb_backend_flush(struct kv *kv, struct err_note *why)
{
	struct kv_rocksdb *self = rocksdb_of(kv);
	int code;

	pthread_mutex_lock(&self->lock);
	code = sync_log(self, why);
	pthread_mutex_unlock(&self->lock);
	return code;
}

static int rocksdb_backend_idle(struct kv *kv, struct err_note *why)
{
	/* "os" means that nobody but the kernel decides when; all others get log and mark up to
	 * date. */
	return rocksdb_of(kv)->sync == KV_SYNC_OS ? 0 : rocksdb_backend_flush(kv, why);
}

static int rocksdb_backend_get(struct kv *kv, struct slice key, struct bytes *out,
			       struct err_note *why)
{
	struct kv_rocksdb *self = rocksdb_of(kv);
	size_t length = 0;
	char *error = NULL;
	char *value =
		rocksdb_get(self->db, self->get_options, key.data, key.length, &length, &error);
	int code = take_error(self, error, "Reading from", why);

	if (code < 0)
		return code;
	if (!value)
		return err_set(why, ERR_NOT_FOUND, "The store has no such key.");
	bytes_append(out, value, length);
	rocksdb_free(value);
	return 0;
}

static int walk(struct kv_rocksdb *self, rocksdb_iterator_t *iterator, const struct kv_scan *scan,
		struct err_note *why)
{
	char *error = NULL;

	if (scan->is_backward)
		rocksdb_iter_seek_to_last(iterator);
	else
		rocksdb_iter_seek_to_first(iterator);
	while (rocksdb_iter_valid(iterator)) {
		struct slice key;
		struct slice value;

		key.data = rocksdb_iter_key(iterator, &key.length);
		value.data = rocksdb_iter_value(iterator, &value.length);
		if (!scan->each(scan->arg, key, value))
			break;
		if (scan->is_backward)
			rocksdb_iter_prev(iterator);
		else
			rocksdb_iter_next(iterator);
	}
	rocksdb_iter_get_error(iterator, &error);
	return take_error(self, error, "Reading from", why);
}

static int rocksdb_backend_scan(struct kv *kv, const struct kv_scan *scan, struct err_note *why)
{
	struct kv_rocksdb *self = rocksdb_of(kv);
	rocksdb_readoptions_t *options = rocksdb_readoptions_create();
	rocksdb_iterator_t *iterator;
	struct bytes end;
	int code;

	/* Both bounds are the iterator's, so it never walks over the deleted keys of a
	 * neighbour. */
	bytes_init(&end);
	if (scan->prefix.length > 0)
		rocksdb_readoptions_set_iterate_lower_bound(options, scan->prefix.data,
							    scan->prefix.length);
	if (kv_prefix_end(scan->prefix, &end))
		rocksdb_readoptions_set_iterate_upper_bound(options, end.data, end.length);
	iterator = rocksdb_create_iterator(self->db, options);
	code = walk(self, iterator, scan, why);
	rocksdb_iter_destroy(iterator);
	rocksdb_readoptions_destroy(options);
	bytes_deinit(&end);
	return code;
}

static bool rocksdb_backend_has_room(struct kv *kv)
{
	return kv_room_check(&rocksdb_of(kv)->room, now_ms());
}

static void rocksdb_backend_free(struct kv *kv)
{
	struct kv_rocksdb *self = rocksdb_of(kv);

	/* Nobody is left to hear about a failure, and the mark is then simply not moved. */
	if (!atomic_load(&kv->has_failed))
		(void)rocksdb_backend_flush(kv, NULL);
	close_all(self);
}

static const struct kv_ops rocksdb_backend_ops = {
	.get = rocksdb_backend_get,
	.write = rocksdb_backend_write,
	.scan = rocksdb_backend_scan,
	.flush = rocksdb_backend_flush,
	.idle = rocksdb_backend_idle,
	.settle = rocksdb_backend_settle,
	.has_room = rocksdb_backend_has_room,
	.free = rocksdb_backend_free,
};

int kv_rocksdb_open(struct kv **out, const char *path, const struct kv_options *options,
		    struct err_note *why)
{
	struct kv_rocksdb *self = mem_alloc(sizeof(*self));
	size_t length = strlen(path);
	int code;

	while (length > 1 && path[length - 1] == '/')
		length--;
	self->path = mem_copy_bytes(path, length);
	self->sync = options->sync;
	pthread_mutex_init(&self->lock, NULL);
	kv_init(&self->kv, &rocksdb_backend_ops);
	code = open_all(self, options, why);
	if (code < 0) {
		close_all(self);
		return code;
	}
	*out = &self->kv;
	return 0;
}
