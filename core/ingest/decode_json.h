/** decode_json.h - one JSON object to one row, by simdjson's DOM parser: all is validated.
 *
 *  The only door to C++ in this folder. A parser keeps its buffers from line to line.
 *  Owner: json_decoder_new() result owned, one per thread. Out of memory is fatal.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_JSON_H
#define TOCSIN_CORE_INGEST_DECODE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"

struct decode_row;
struct err_note;
struct json_decoder;
struct name_tree;

struct json_decoder *json_decoder_new(void);
void json_decoder_free(struct json_decoder *decoder);

/** Stores the wanted values. row->time is borrowed until the next call. See decode.h. */
int json_decoder_decode(struct json_decoder *decoder, const struct name_tree *names,
			struct slice line, size_t readable, struct decode_row *row,
			struct err_note *why);

/** Whether the bytes are UTF-8; here because simdjson does it at memory speed. */
bool json_is_utf8(struct slice text);

#endif
