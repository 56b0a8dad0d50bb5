/** shape_ways.h - one text decoded in every way: line by line, by shapes, by portable code. */
#ifndef TOCSIN_TESTS_UNIT_CORE_INGEST_SHAPE_WAYS_H
#define TOCSIN_TESTS_UNIT_CORE_INGEST_SHAPE_WAYS_H

#include "core/base/bytes.h"
#include "decode_fixture.h"

/** Blank lines that end a text, so that shapes may see all lines before them. */
enum { FILLER = 80 };

/** What became of a text. */
struct outcome {
	struct bytes rows;   /**< every row and every refusal, in order */
	unsigned shape_rows; /**< of them, rows made by shapes */
};

/** Reads the text as the reader does. */
struct outcome read_text(struct decode_fixture *f, enum decoder_way way, struct slice text);
void outcome_deinit(struct outcome *outcome);

/** Teaches with `known` (one line or more), then reads `text`; all ways must agree. Returns how
 *  many of the rows of `text` shapes have made. */
unsigned rows_by_shape(struct decode_fixture *f, const char *known, struct slice text);

#define WITH_FIELDS(fixture, ...)                                                                  \
	struct decode_fixture fixture;                                                             \
	decode_fixture_init(&(fixture), (const char *const[]){__VA_ARGS__, NULL}, NULL)

#endif
