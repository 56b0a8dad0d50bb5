/** alert_log.h - every alert document that was decided, under "l", in order of its time.
 *  Threads: as kv.h and commit.h say.
 */
#ifndef TOCSIN_STORAGE_ALERT_LOG_H
#define TOCSIN_STORAGE_ALERT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct kv;
struct kv_batch;

/** `time_ms` is the end of the alert's window. */
void alert_log_put(struct kv_batch *batch, int64_t time_ms, const char *id, struct slice document);

/** Deletes what is older than `before_ms`; `*has_old` tells whether there was anything. */
int alert_log_trim(struct kv *kv, struct kv_batch *batch, int64_t before_ms, bool *has_old,
		   struct err_note *why);

#endif
