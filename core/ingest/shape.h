/** shape.h - lines of JSON whose form was seen before, decoded without a parser.
 *
 *  A shape is what stays the same from line to line: the bytes between the scalar values (names,
 *  punctuation, blanks). It is learned from a line that the parser has accepted:
 *
 *      {"id":7,"city":"Wuhan"}   ->   {"id":  _  ,"city":  _  }
 *
 *  A later line is compared with it, each value is verified by JSON's grammar (strings: escapes and
 *  UTF-8 too), wanted ones are stored in their columns, and the line must end with the shape: every
 *  byte is verified, and the row is the one that the parser would have given. Whatever does not
 *  match, or is not certain (numbers that need more than one exact division), is left to the
 *  parser. Shapes with a common beginning share it, so a line is compared once, whatever their
 *  number:
 *
 *      {"id": _ ,"city": _ }
 *                       `,"note": _ }
 *
 *  Owner: shape_set_new() result owned, one per thread and per set of wanted fields.
 *  Limits: SHAPES_MAX shapes; when there is no room, the less used half makes room. Learning is
 *  rationed (SHAPE_RATION), so lines that never repeat cost little more than without shapes.
 */
#ifndef TOCSIN_CORE_INGEST_SHAPE_H
#define TOCSIN_CORE_INGEST_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct batch;
struct name_tree;
struct shape_set;
struct time_memory;

enum {
	SHAPES_MAX = 32,
	SHAPE_VALUES_MAX = 256,
	SHAPE_LINE_BYTES_MAX = 8192, /**< longer lines are not learned from */
	SHAPE_RATION = 32,           /**< one line is learned from in so many unknown ones */
	SHAPE_READABLE = 64,         /**< bytes from a line's end on that may be looked at */
};

/** For batches of so many columns. */
struct shape_set *shape_set_new(uint32_t column_count);
void shape_set_free(struct shape_set *set);

/** The code for machines without AVX2, for tests: the answers are the same. */
void shape_set_use_portable(struct shape_set *set);

/** Lines to be decoded. */
struct shape_run {
	const char *at;   /**< beginning of a line; moved to the first line that is not decoded */
	const char *stop; /**< a line feed; SHAPE_READABLE bytes from it on are readable */
	size_t line_bytes_max;
	struct batch *batch; /**< rows are appended; with the columns that the set was taught */
	struct time_memory *time;
	uint64_t mistyped; /**< increased, as decoder_decode() does */
};

/** Decodes lines until one has no known shape, lies behind `stop`, or the batch is full. Strings
 *  are borrowed from the text. */
void shape_set_decode(struct shape_set *set, struct shape_run *run);

/** Learns from a line that the parser has made a row of; or does not, see limits above. `names` is
 *  the same for the whole life of the set. */
void shape_set_learn(struct shape_set *set, const struct name_tree *names, struct slice line);

/** How many shapes are known. */
uint32_t shape_set_count(const struct shape_set *set);

#endif
