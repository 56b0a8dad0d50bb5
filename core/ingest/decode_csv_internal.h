/** decode_csv_internal.h - what the two ways to decode delimited text share. */
#ifndef TOCSIN_CORE_INGEST_DECODE_CSV_INTERNAL_H
#define TOCSIN_CORE_INGEST_DECODE_CSV_INTERNAL_H

#include "core/base/bytes.h"
#include "core/model/schema.h"
#include "core/model/value.h"

/** What the text says, as far as the column's type leaves a choice; nil when empty. */
struct value csv_value(struct slice text, enum field_type type);

#endif
