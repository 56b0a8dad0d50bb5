/** reader_internal.h - what only tests and the pool's options ask of a reader. */
#ifndef TOCSIN_CORE_INGEST_READER_INTERNAL_H
#define TOCSIN_CORE_INGEST_READER_INTERNAL_H

#include <stddef.h>

struct reader;

/** Instead of BUNDLE_BYTES_MAX. */
void reader_limit(struct reader *reader, size_t bundle_bytes_max);

#endif
