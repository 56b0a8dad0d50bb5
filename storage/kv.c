#include "storage/kv.h"

#include "core/base/err.h"
#include "storage/kv_backend.h"

void kv_init(struct kv *kv, const struct kv_ops *ops)
{
	kv->ops = ops;
	atomic_init(&kv->has_failed, false);
}

void kv_free(struct kv *kv)
{
	if (kv)
		kv->ops->free(kv);
}

int kv_get(struct kv *kv, struct slice key, struct bytes *out, struct err_note *why)
{
	return kv->ops->get(kv, key, out, why);
}

static int refuse_after_failure(struct kv *kv, struct err_note *why)
{
	if (!atomic_load(&kv->has_failed))
		return 0;
	return err_set(why, ERR_IO,
		       "The store takes no more writes because an earlier write failed; "
		       "it must be opened again.");
}

/* What is on the disk after a failed write or sync is not known (the kernel may have dropped the
 * pages), so the same store must not be asked again: only a new open reads what is really there. */
static int note_failure(struct kv *kv, int code)
{
	if (code < 0)
		atomic_store(&kv->has_failed, true);
	return code;
}

int kv_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why)
{
	int code = refuse_after_failure(kv, why);

	if (code < 0 || kv_batch_count(batch) == 0)
		return code;
	return note_failure(kv, kv->ops->write(kv, batch, why));
}

int kv_scan(struct kv *kv, struct slice prefix, bool is_backward,
	    bool (*each)(void *arg, struct slice key, struct slice value), void *arg,
	    struct err_note *why)
{
	const struct kv_scan scan = {prefix, is_backward, each, arg};

	return kv->ops->scan(kv, &scan, why);
}

int kv_flush(struct kv *kv, struct err_note *why)
{
	int code = refuse_after_failure(kv, why);

	return code < 0 ? code : note_failure(kv, kv->ops->flush(kv, why));
}

int kv_idle(struct kv *kv, struct err_note *why)
{
	int code = refuse_after_failure(kv, why);

	return code < 0 ? code : note_failure(kv, kv->ops->idle(kv, why));
}

int kv_settle(struct kv *kv, struct err_note *why)
{
	int code = refuse_after_failure(kv, why);

	if (code < 0 || !kv->ops->settle)
		return code;
	return note_failure(kv, kv->ops->settle(kv, why));
}

bool kv_has_room(struct kv *kv)
{
	return kv->ops->has_room(kv);
}

bool kv_prefix_end(struct slice prefix, struct bytes *end)
{
	size_t length = prefix.length;

	while (length > 0 && (unsigned char)prefix.data[length - 1] == 0xff)
		length--;
	bytes_clear(end);
	if (length == 0)
		return false;
	bytes_append(end, prefix.data, length);
	end->data[length - 1] = (char)((unsigned char)end->data[length - 1] + 1);
	return true;
}
