/** kv_backend.h - what a store behind kv.h has to do. For storage/ and for tests that inject
 *  failures.
 *
 *  How to add a backend: embed `struct kv` as the first member, fill a `struct kv_ops`, write a
 *  `..._new` or `..._open` that returns `&self->kv` after kv_init(). Add it to the table in
 *  tests/unit/storage/test_kv.c. Memory: keys, values and batches are borrowed for the call;
 *  `out` is appended to, never cleared.
 */
#ifndef TOCSIN_STORAGE_KV_BACKEND_H
#define TOCSIN_STORAGE_KV_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "storage/kv.h"

struct kv_scan {
	struct slice prefix;
	bool is_backward;
	bool (*each)(void *arg, struct slice key, struct slice value);
	void *arg;
};

struct kv_ops {
	int (*get)(struct kv *kv, struct slice key, struct bytes *out, struct err_note *why);
	int (*write)(struct kv *kv, const struct kv_batch *batch, struct err_note *why);
	int (*scan)(struct kv *kv, const struct kv_scan *scan, struct err_note *why);
	int (*flush)(struct kv *kv, struct err_note *why);
	/** The writer had nothing to do for a while (commit.c): finish what the sync policy left
	 *  open. */
	int (*idle)(struct kv *kv, struct err_note *why);
	/** A write was answered (commit.c): what has to follow, and nobody waits for. NULL: none.
	 */
	int (*settle)(struct kv *kv, struct err_note *why);
	bool (*has_room)(struct kv *kv);
	void (*free)(struct kv *kv);
};

struct kv {
	const struct kv_ops *ops;
	atomic_bool has_failed; /**< anything that writes failed: no further write is tried */
};

void kv_init(struct kv *kv, const struct kv_ops *ops);
int kv_idle(struct kv *kv, struct err_note *why);
int kv_settle(struct kv *kv, struct err_note *why);

enum kv_op_type { KV_OP_PUT = 1, KV_OP_DELETE = 2, KV_OP_DELETE_RANGE = 3 };

struct kv_op {
	enum kv_op_type type;
	struct slice key;   /**< of a range: from */
	struct slice value; /**< of a range: to */
};

/** Reads the operation at `*offset` (start with 0) and moves on; false at the end. */
bool kv_batch_next(const struct kv_batch *batch, size_t *offset, struct kv_op *out);

/** The smallest key after every key that starts with `prefix`; false when there is none. */
bool kv_prefix_end(struct slice prefix, struct bytes *end);

#endif
