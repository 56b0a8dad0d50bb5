/** watermark.h - how far event time is known to be complete, per partition and per source.
 *
 *  A partition's watermark = greatest event time seen - lateness. A source's = the least over its
 *  partitions that are not idle. A partition without a reading for `idle_ms` (processing time)
 *  stops holding it back; when all are idle, or all have left and `idle_ms` passed since the last
 *  reading, it moves with processing time: last watermark + time passed since the idle moment. It
 *  never goes back. Time is passed in. Threads: owner thread only.
 */
#ifndef TOCSIN_CORE_WINDOW_WATERMARK_H
#define TOCSIN_CORE_WINDOW_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

struct watermark;

#define WATERMARK_NONE INT64_MIN
enum { WATERMARK_PARTITIONS_MAX = 65536, WATERMARK_STEP_MS = 200 };

struct watermark *watermark_new(int64_t lateness_ms, int64_t idle_ms);
void watermark_free(struct watermark *watermark);
void watermark_configure(struct watermark *watermark, int64_t lateness_ms, int64_t idle_ms);

/** A partition joins (holding the watermark back until it is idle) and leaves. Joining again
 *  changes nothing. ERR_FULL. */
int watermark_add(struct watermark *watermark, uint32_t partition, int64_t now_mono_ms);
void watermark_remove(struct watermark *watermark, uint32_t partition);

/** Events up to `max_event_ms` were seen; WATERMARK_NONE: a sign of life without a reading is not
 *  one. A partition that has left no longer says how far events are complete, only that there was
 *  a reading. */
void watermark_observe(struct watermark *watermark, uint32_t partition, int64_t max_event_ms,
		       int64_t now_mono_ms);

/** The source's watermark at `now_mono_ms`, or WATERMARK_NONE before the first reading. `wall_ms`
 *  is the processing time that moves an all-idle source (never beyond wall_ms - lateness). */
int64_t watermark_get(struct watermark *watermark, int64_t now_mono_ms, int64_t wall_ms);

/** The same as far as readings alone tell: processing time does not move it. */
int64_t watermark_of_readings(struct watermark *watermark, int64_t now_mono_ms);

/** How far the other partitions let a source go, whatever this one says: WATERMARK_NONE, one of
 *  them has not spoken; INT64_MAX: none holds it back. */
int64_t watermark_of_others(const struct watermark *watermark, uint32_t partition,
			    int64_t now_mono_ms);

/** Restores the stored value at start; never back. */
void watermark_restore(struct watermark *watermark, int64_t watermark_ms);

/** Processing time (monotonic) at which the answer may change without a reading; -1 never. While
 *  all are idle it changes all the time: then WATERMARK_STEP_MS from now. */
int64_t watermark_next_change(const struct watermark *watermark, int64_t now_mono_ms);

#endif
