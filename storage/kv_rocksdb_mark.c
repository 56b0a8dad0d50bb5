#include "storage/kv_rocksdb_mark.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"

#include <xxhash.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
	SLOT_COUNT = 2,
	SLOT_BYTES = 512,
	FILE_BYTES = SLOT_COUNT * SLOT_BYTES,
	MAGIC_BYTES = 8,
	CHECKED_BYTES = MAGIC_BYTES + 8,
	RECORD_BYTES = CHECKED_BYTES + 8,
};

static const char magic[] = "TOCSINHW";

static bool parse_slot(const char *slot, uint64_t *sequence)
{
	struct byte_reader reader = byte_reader_of((struct slice){slot, RECORD_BYTES});
	struct slice found = byte_reader_bytes(&reader, MAGIC_BYTES);

	*sequence = byte_reader_be64(&reader);
	return memcmp(found.data, magic, MAGIC_BYTES) == 0 &&
	       byte_reader_be64(&reader) == XXH3_64bits(slot, CHECKED_BYTES);
}

static int read_slots(struct kv_mark *mark, struct err_note *why)
{
	char file[FILE_BYTES] = {0};
	ssize_t length = pread(mark->fd, file, sizeof(file), 0);
	bool has_any = false;
	bool is_blank = true;

	if (length < 0)
		return err_errno(why, ERR_IO, errno, "Reading the mark file \"%s\" failed",
				 mark->path);
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		uint64_t sequence;

		if (!parse_slot(file + slot * SLOT_BYTES, &sequence))
			continue;
		if (!has_any || sequence > mark->sequence) {
			mark->sequence = sequence;
			mark->slot = 1 - slot;
		}
		has_any = true;
	}
	for (size_t index = 0; index < sizeof(file); index++)
		is_blank = is_blank && file[index] == 0;
	/* A blank file is one whose creator was killed before its first mark. */
	mark->is_damaged = !has_any && !is_blank;
	return 0;
}

int kv_mark_open(struct kv_mark *mark, const char *store_path, struct err_note *why)
{
	int code;

	*mark = (struct kv_mark){.fd = -1, .path = mem_format("%s.mark", store_path)};
	mark->fd = open(mark->path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (mark->fd < 0) {
		code = err_errno(why, ERR_IO, errno, "Opening the mark file \"%s\" failed",
				 mark->path);
	} else if (flock(mark->fd, LOCK_EX | LOCK_NB) != 0) {
		code = errno == EWOULDBLOCK
			       ? err_set(why, ERR_CONFLICT,
					 "The store \"%s\" is in use by another process "
					 "(it holds the lock on \"%s\").",
					 store_path, mark->path)
			       : err_errno(why, ERR_IO, errno, "Locking \"%s\" failed", mark->path);
	} else {
		code = read_slots(mark, why);
	}
	if (code < 0)
		kv_mark_close(mark);
	return code;
}

void kv_mark_close(struct kv_mark *mark)
{
	if (mark->fd >= 0)
		close(mark->fd);
	mem_free(mark->path);
	*mark = (struct kv_mark){.fd = -1};
}

static int write_slot(struct kv_mark *mark, unsigned slot, uint64_t sequence, struct err_note *why)
{
	struct bytes record;
	ssize_t written;

	bytes_init(&record);
	bytes_append(&record, magic, MAGIC_BYTES);
	bytes_append_be64(&record, sequence);
	bytes_append_be64(&record, XXH3_64bits(record.data, CHECKED_BYTES));
	/* Whole sectors, so that the file has its final size and blocks from the first marks on. */
	while (record.length < SLOT_BYTES)
		bytes_append_be64(&record, 0);
	do
		written = pwrite(mark->fd, record.data, SLOT_BYTES, (off_t)slot * SLOT_BYTES);
	while (written < 0 && errno == EINTR);
	bytes_deinit(&record);
	if (written != SLOT_BYTES)
		return err_errno(why, ERR_IO, written < 0 ? errno : ENOSPC,
				 "Writing the mark file \"%s\" failed", mark->path);
	return 0;
}

static int sync_mark(struct kv_mark *mark, struct err_note *why)
{
	if (fdatasync(mark->fd) == 0)
		return 0;
	return err_errno(why, ERR_IO, errno, "Syncing the mark file \"%s\" failed", mark->path);
}

int kv_mark_note(struct kv_mark *mark, uint64_t sequence, int64_t now_ms, bool is_forced,
		 struct err_note *why)
{
	bool is_soon = mark->written_ms != 0 && now_ms - mark->written_ms < KV_MARK_INTERVAL_MS;
	int code;

	if (sequence <= mark->sequence || (is_soon && !is_forced))
		return 0;
	code = write_slot(mark, mark->slot, sequence, why);
	if (code == 0)
		code = sync_mark(mark, why);
	if (code < 0)
		return code;
	mark->slot = 1 - mark->slot;
	mark->sequence = sequence;
	mark->written_ms = now_ms;
	return 0;
}

int kv_mark_reset(struct kv_mark *mark, uint64_t sequence, struct err_note *why)
{
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		int code = write_slot(mark, slot, sequence, why);

		if (code == 0)
			code = sync_mark(mark, why);
		if (code < 0)
			return code;
	}
	mark->sequence = sequence;
	mark->slot = 0;
	mark->is_damaged = false;
	return 0;
}
