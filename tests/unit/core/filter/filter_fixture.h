/** filter_fixture.h - readings written as text, and a filter run over one or many of them. */
#ifndef TOCSIN_TESTS_UNIT_CORE_FILTER_FIXTURE_H
#define TOCSIN_TESTS_UNIT_CORE_FILTER_FIXTURE_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/filter/filter.h"
#include "core/model/batch.h"

/** Field by field `name=value`, separated by `;`: 5 int, 5.5 float, true, false, 'text'. */
void fixture_set_row(struct batch *batch, const struct field_set *fields, uint32_t row,
		     const char *reading);

/** Does `expression`, compiled without a closed schema, match the one reading? */
bool fixture_matches(const char *expression, const char *reading);

/** Compiles against the closed schema of the payment story; the note is kept in *why. */
int fixture_compile_closed(const char *expression, struct err_note *why);
int fixture_compile_open(const char *expression, struct err_note *why);

/** Canonical form of an expression that must compile; owned, mem_free(). */
char *fixture_canonical(const char *expression);

#endif
