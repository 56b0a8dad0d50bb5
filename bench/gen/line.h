/** line.h - the text of a payment: JSON in its usual and its other shapes, CSV, and broken lines.
 *  Owner: line_writer_init() caller's memory, no clean-up.
 */
#ifndef TOCSIN_BENCH_GEN_LINE_H
#define TOCSIN_BENCH_GEN_LINE_H

#include "bench/gen/payment.h"
#include "core/base/bytes.h"

enum { LINE_BYTES_MAX = 1024, SECOND_TEXT_BYTES = 19 };

/** Keeps the text of the last second: most payments share it with the one before. */
struct line_writer {
	int64_t second;
	char second_text[SECOND_TEXT_BYTES + 1];
};

void line_writer_init(struct line_writer *writer);
void line_append_json(struct line_writer *writer, const struct payment *payment, struct bytes *out);
void line_append_csv(struct line_writer *writer, const struct payment *payment, struct bytes *out);

#endif
