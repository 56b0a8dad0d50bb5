#include "storage/alert_log.h"

#include "core/base/err.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

void alert_log_put(struct kv_batch *batch, int64_t time_ms, const char *id, struct slice document)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	key_begin(&key, KEYSPACE_ALERT_LOG);
	key_add_time(&key, time_ms);
	key_add_bytes(&key, slice_of(id));
	keyspace_seal(&value, document);
	kv_batch_put(batch, bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
}

struct oldest {
	struct slice bound;
	bool is_before;
};

static bool look_at_first(void *arg, struct slice key, struct slice value)
{
	struct oldest *oldest = arg;
	(void)value;
	oldest->is_before = slice_compare(key, oldest->bound) < 0;
	return false;
}

int alert_log_trim(struct kv *kv, struct kv_batch *batch, int64_t before_ms, bool *has_old,
		   struct err_note *why)
{
	struct bytes from = BYTES_EMPTY, to = BYTES_EMPTY;
	key_begin(&from, KEYSPACE_ALERT_LOG);
	key_begin(&to, KEYSPACE_ALERT_LOG);
	key_add_time(&to, before_ms);
	/* A range deletion leaves a mark in the store until it is compacted: none without need. */
	struct oldest oldest = {bytes_slice(&to), false};
	int code = kv_scan(kv, bytes_slice(&from), false, look_at_first, &oldest, why);
	if (code == 0 && oldest.is_before)
		kv_batch_delete_range(batch, bytes_slice(&from), bytes_slice(&to));
	if (code == 0)
		*has_old = oldest.is_before;
	bytes_deinit(&from);
	bytes_deinit(&to);
	return code;
}
