/** line_tail.h - the newest lines of a pane, as they were read: what an alert shows as `samples`.
 *
 *  Lines are in the order of their event time; of one and the same time in the order in which they
 *  were added, or merged. So what a tail holds is the end of one ordered list, whatever parts of it
 *  were merged first: merging is associative, and commutative but for lines of the same time.
 *  Owner: a pointer that is NULL while nothing was added; line_tail_free(). `max`, the most lines
 *  that are kept, is the same in every call for a tail. `memory` is grown and lessened by the heap
 *  bytes that the call takes and gives back, a line in each tail that has it; NULL: nobody counts.
 *  Limits: LINE_TAIL_MAX lines of LINE_TAIL_BYTES_MAX bytes; longer ones are cut, at a character of
 *  UTF-8 where the line has them. LINE_TAIL_HEAP_MAX() bytes on the heap.
 */
#ifndef TOCSIN_CORE_SKETCH_LINE_TAIL_H
#define TOCSIN_CORE_SKETCH_LINE_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { LINE_TAIL_MAX = 10, LINE_TAIL_BYTES_MAX = 512 };

struct line_tail;

struct tail_line {
	int64_t time_ms;
	/** Tails that have it, of any thread: a merge copies no text. */
	unsigned reference_count;
	uint16_t length;
	bool is_cut; /**< the line had more */
	char text[]; /**< any bytes, no NUL behind them */
};

#define LINE_TAIL_HEAP_MAX(max)                                                                    \
	(8 + (max) * (sizeof(struct tail_line *) + sizeof(struct tail_line) + LINE_TAIL_BYTES_MAX))

/** More than LINE_TAIL_BYTES_MAX bytes in `line`: it is cut, and of what follows only that there is
 *  something matters. */
void line_tail_add(struct line_tail **place, uint32_t max, int64_t time_ms, struct slice line,
		   size_t *memory);
void line_tail_merge(struct line_tail **place, const struct line_tail *from, uint32_t max,
		     size_t *memory);
uint32_t line_tail_count(const struct line_tail *tail); /**< of NULL: 0 */
/** The oldest is number 0. */
const struct tail_line *line_tail_at(const struct line_tail *tail, uint32_t index);
void line_tail_free(struct line_tail **place, size_t *memory);

/** NULL too. */
void line_tail_encode(const struct line_tail *tail, struct bytes *out);
/** *place is NULL before. ERR_CORRUPT. */
int line_tail_decode(struct byte_reader *reader, uint32_t max, struct line_tail **place,
		     size_t *memory);

#endif
