/** bundle.h - what stage 1 sends to stage 2: the effect of one piece of one partition.
 *
 *  { partition, from, to, greatest event time, pane deltas, counters, dead letters }. Stage 2
 *  applies it only when `from` equals the committed position of the partition; a partition without
 *  positions (HTTP, TCP, stdin) is applied always.
 *  Owner: made by a reader, handed over (taken) to the engine, recycled or freed by bundle_free().
 */
#ifndef TOCSIN_CORE_INGEST_BUNDLE_H
#define TOCSIN_CORE_INGEST_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

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
	uint64_t late;      /**< readings behind their partition's watermark when read */
	uint64_t clamped;   /**< readings from the future */
	/** Wanted values that were not of their declared type, or no number for a metric. */
	uint64_t mistyped;
	uint64_t blank; /**< blank lines: lines + blank is what `wc -l` counts */
};

enum { BUNDLE_DEAD_LETTERS_MAX = 8, DEAD_LETTER_BYTES_MAX = 512 };

struct dead_letter {
	char *text;      /**< first DEAD_LETTER_BYTES_MAX bytes of the line */
	char *reason;    /**< "column 17: ..." */
	uint64_t offset; /**< of the line in its partition, when positioned */
	uint64_t line;   /**< number of the line in its bundle, from 1, blank lines too */
};

struct bundle {
	struct intake *intake; /**< shared; NULL for a bundle that only moves a position */
	uint32_t partition;    /**< number given by the engine (engine_partition_open) */
	bool is_positioned;
	bool is_reset; /**< from is {epoch + 1, 0}: the file was truncated or replaced in place */
	struct position from;
	struct position to;
	int64_t max_event_ms; /**< WATERMARK_NONE without a reading */
	int64_t min_event_ms; /**< WATERMARK_NONE without a reading */
	struct bundle_counters counters;
	uint64_t
		regex_limits; /**< matches of filters that hit their limit: counted as "no match" */
	struct group_table *deltas; /**< [intake->metric_count] */
	uint32_t delta_count;
	struct dead_letter dead_letters[BUNDLE_DEAD_LETTERS_MAX];
	uint32_t dead_letter_count; /**< malformed lines beyond the limit are only counted */
	/** Called on the owner thread when the effect is durable or a duplicate; may be NULL. */
	void (*on_durable)(void *arg, const struct bundle *bundle);
	void *arg;
	struct bundle *next; /**< for queues of the current holder */
};

/** Empty bundle for an intake (referenced); `seed` for its key tables. */
struct bundle *bundle_new(struct intake *intake, uint64_t seed);
void bundle_free(struct bundle *bundle);
/** Makes it empty again for the same intake; keeps memory. */
void bundle_clear(struct bundle *bundle);

#endif
