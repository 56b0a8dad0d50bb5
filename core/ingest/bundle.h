/** bundle.h - what stage 1 sends to stage 2: the effect of one piece of one partition.
 *
 *  { partition, from, to, greatest event time, pane deltas, counters, dead letters }. Stage 2
 *  applies it only when `from` equals the committed position of the partition; a partition without
 *  positions (HTTP, TCP, stdin) is applied always.
 *  Owner: made by a reader, handed over (taken) to the engine, freed by bundle_free(), which gives
 *  a bundle of a shelf back to it. Threads: a bundle belongs to one at a time; a shelf to all.
 */
#ifndef TOCSIN_CORE_INGEST_BUNDLE_H
#define TOCSIN_CORE_INGEST_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/batch.h"
#include "core/window/group_table.h"

struct intake;

/** A place in a partition. `epoch` counts truncations of a file; `check` is XXH3 of the up to 64
 *  bytes before `offset`, so a replaced file is recognised. */
struct position {
	uint32_t epoch;
	uint64_t offset; /**< bytes, after the last complete line */
	uint64_t check;
};

struct bundle_counters {
	uint64_t bytes;
	uint64_t lines;     /**< complete lines; blank ones are not counted */
	uint64_t readings;  /**< lines that became a reading */
	uint64_t malformed; /**< lines that did not: lines = readings + malformed */
	/** Readings behind their partition's watermark when read. Of a bundle that keeps times,
	 *  until bundle_settle_late(): behind the watermark of their own block alone. */
	uint64_t late;
	uint64_t clamped; /**< readings from the future */
	/** Wanted values that were not of their declared type, or no number for a metric. */
	uint64_t mistyped;
	uint64_t blank; /**< blank lines: lines + blank is what `wc -l` counts */
};

enum {
	BUNDLE_DEAD_LETTERS_MAX = 8,
	DEAD_LETTER_BYTES_MAX = 512,
	/** A reader ends a bundle with the batch that takes it so far (bundle.grown_bytes), and a
	 *  batch has no more rows than may add as much (intake.row_bytes), so that a bundle ends
	 *  below twice this, or a little more when its keys are long. Tables take at most twice
	 *  what is in them. */
	BUNDLE_BYTES_MAX = 32 * 1024 * 1024,
};

struct dead_letter {
	char *text;      /**< first DEAD_LETTER_BYTES_MAX bytes of the line */
	char *reason;    /**< "column 17: ..." */
	uint64_t offset; /**< of the line in its partition, when positioned */
	uint64_t line;   /**< number of the line in its bundle, from 1, blank lines too */
};

/** Event times of readings that their own block does not call late. */
struct bundle_times {
	int64_t *data;
	uint32_t count;
	uint32_t capacity;
	/** Its block was read without the watermark before it, as blocks of one partition are that
	 *  are read at the same time. */
	bool is_kept;
};

enum { BUNDLE_MARKS_MAX = 4096 };

/** Marks tell when readings came that are late, so that a window's content does not depend on where
 *  bundles are cut:
 *
 *      event time  100  111   93        124   94        of five lines; lateness 5 s
 *      watermark    95  106  106   105  119  119   115  pane that it has reached
 *      mark                   1 = 105         2 = 115
 *
 *  A reading behind the pane that its block's watermark has reached is grouped apart, under the
 *  start of its pane + the number of its mark: panes are multiples of PANE_MS, marks are fewer.
 *  Stage 2 judges the windows that end at the mark or before, and then merges the reading. What is
 *  late by the blocks before, but not by its own, carries none: it is merged when all is judged
 *  that ends before the bundle. */
struct bundle_marks {
	int64_t *data; /**< ascending; number 1 is the first */
	uint32_t count;
	uint32_t capacity;
};

struct bundle_shelf;

struct bundle {
	struct intake *intake; /**< shared; NULL for a bundle that only moves a position */
	uint32_t partition;    /**< number given by the engine (engine_partition_open) */
	bool is_positioned;
	bool is_reset; /**< from is {epoch + 1, 0}: the file was truncated or replaced in place */
	struct position from;
	struct position to;
	int64_t max_event_ms; /**< WATERMARK_NONE without a reading */
	int64_t min_event_ms; /**< WATERMARK_NONE without a reading */
	/** Least time of the readings that are not `late`; settled as that is. WATERMARK_NONE. */
	int64_t first_event_ms;
	struct bundle_times times;
	struct bundle_marks marks;
	struct bundle_counters counters;
	uint64_t
		regex_limits; /**< matches of filters that hit their limit: counted as "no match" */
	struct group_table *deltas; /**< [intake->metric_count] */
	uint32_t delta_count;
	/** Of the deltas' records and the batches, as they were added by a reader. */
	size_t grown_bytes;
	struct batch **batches; /**< owned: the readings, when intake->keeps_batches */
	uint32_t batch_count;
	uint32_t batch_capacity;
	/** Which rows of the batches match, a bit for each, for the metrics that ask for it:
	 *  [batch_count][intake->keeper_count][BUNDLE_ROW_WORDS]. */
	uint64_t *row_sets;
	uint32_t row_set_capacity; /**< of batches */
	struct dead_letter dead_letters[BUNDLE_DEAD_LETTERS_MAX];
	uint32_t dead_letter_count; /**< malformed lines beyond the limit are only counted */
	/** Of the bundles before this one that come of the same bytes job. */
	uint64_t earlier_readings, earlier_malformed;
	/** Called on the owner thread when the effect is durable or a duplicate; may be NULL. */
	void (*on_durable)(void *arg, const struct bundle *bundle);
	void *arg;
	struct bundle *next;        /**< for queues of the current holder */
	struct bundle_shelf *shelf; /**< it goes back there; or NULL */
};

/** Empty bundle for an intake (referenced); `seed` for its key tables. */
struct bundle *bundle_new(struct intake *intake, uint64_t seed);
void bundle_free(struct bundle *bundle);
/** Takes the bundle of which only the head is still wanted (what on_durable is told), and gives
 *  such a head, without deltas and dead letters: these are used again before the commit. */
struct bundle *bundle_head(struct bundle *bundle);
/** Makes it empty again for the same intake; keeps memory. */
void bundle_clear(struct bundle *bundle);

enum { BUNDLE_ROW_WORDS = BATCH_ROWS_MAX / 64 };

/** Before a batch's rows are marked: room for them, all clear. */
void bundle_begin_row_sets(struct bundle *bundle);
/** Rows of the batch of that number, which may be the next one. */
void bundle_mark_rows(struct bundle *bundle, uint32_t batch, uint32_t keeper, const uint16_t *rows,
		      uint32_t row_count);
/** These rows, ascending; returns how many. */
uint32_t bundle_marked_rows(const struct bundle *bundle, uint32_t batch, uint32_t keeper,
			    uint16_t rows[BATCH_ROWS_MAX]);

/** Takes a batch made by batch_keep(). */
void bundle_take_batch(struct bundle *bundle, struct batch *batch);

/** Its reader ended it, perhaps before the block's end: it has many bytes, or room for the marks of
 *  no further batch. */
static inline bool bundle_is_full(const struct bundle *bundle, size_t bytes_max)
{
	return bundle->grown_bytes >= bytes_max ||
	       bundle->marks.count > BUNDLE_MARKS_MAX - BATCH_ROWS_MAX;
}

/** Number of the mark, which is not less than those before it. */
uint16_t bundle_mark(struct bundle *bundle, int64_t mark_ms);

void bundle_times_grow(struct bundle_times *times);

/** A reading that its block does not call late: for bundle_settle_late(). */
static inline void bundle_keep_time(struct bundle *bundle, int64_t time_ms)
{
	if (!bundle->times.is_kept)
		return;
	if (bundle->times.count == bundle->times.capacity)
		bundle_times_grow(&bundle->times);
	bundle->times.data[bundle->times.count++] = time_ms;
}

/** `watermark_ms` is the partition's before the bundle: counts what is late by it and was not by
 *  its own block, finds the first event time again, and forgets the times. */
void bundle_settle_late(struct bundle *bundle, int64_t watermark_ms);

/** Emptied bundles that keep their memory, so that in the steady state nothing is allocated per
 *  reading. At most BUNDLE_SHELF_MAX of at most BUNDLE_SHELF_BYTES_MAX each; those of an older
 *  generation go when a bundle of a newer one is taken. */
enum { BUNDLE_SHELF_MAX = 32, BUNDLE_SHELF_BYTES_MAX = 8 * 1024 * 1024 };
struct bundle_shelf *bundle_shelf_new(uint64_t seed);
/** Its owner leaves: it is freed with the last of its bundles. NULL allowed. */
void bundle_shelf_leave(struct bundle_shelf *shelf);
struct bundle *bundle_shelf_take(struct bundle_shelf *shelf, struct intake *intake);
void bundle_shelf_give(struct bundle *bundle); /**< for bundle_free() */

#endif
