/** decode_fault.h - where a line stops being JSON, and why, in words for people.
 *
 *  simdjson refuses fast but does not say where. This is a second, plain reading of a line that was
 *  refused, done only for the few that are kept as dead letters.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_FAULT_H
#define TOCSIN_CORE_INGEST_DECODE_FAULT_H

#include <stdbool.h>

#include "core/base/bytes.h"

struct err_note;

/** Writes "column 17: ..." (bytes, from 1); false when it finds no fault. */
bool decode_fault_explain(struct slice line, struct err_note *why);

#endif
