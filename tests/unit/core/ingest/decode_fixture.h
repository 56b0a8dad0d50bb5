/** decode_fixture.h - one line through a decoder, for the tests of both formats. */
#ifndef TOCSIN_TESTS_UNIT_CORE_INGEST_DECODE_FIXTURE_H
#define TOCSIN_TESTS_UNIT_CORE_INGEST_DECODE_FIXTURE_H

#include "core/base/err.h"
#include "core/ingest/decode.h"
#include "core/ingest/intake.h"

struct decode_fixture {
	struct schema schema;
	struct intake *intake;
	struct decoder *decoder;
	struct batch batch;
	uint64_t mistyped;
	struct err_note why;
};

/** `fields`: "name:type" texts, NULL at the end; each is wanted. `columns` (CSV) may be NULL. */
void decode_fixture_init(struct decode_fixture *fixture, const char *const *fields,
			 const char *const *columns);
void decode_fixture_deinit(struct decode_fixture *fixture);

/** Decodes into row 0. */
int decode_fixture_line(struct decode_fixture *fixture, const char *line);
int decode_fixture_bytes(struct decode_fixture *fixture, struct slice line);

const struct value *decode_fixture_value(const struct decode_fixture *fixture, const char *field);
void expect_string(const struct decode_fixture *fixture, const char *field, const char *text);
void expect_int(const struct decode_fixture *fixture, const char *field, int64_t number);
void expect_float(const struct decode_fixture *fixture, const char *field, double number);
void expect_bool(const struct decode_fixture *fixture, const char *field, bool truth);
void expect_nil(const struct decode_fixture *fixture, const char *field);

#endif
