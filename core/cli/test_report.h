/** test_report.h - results of tests: as they come for people, as one document for machines.
 *
 *      ok    a quiet merchant is left alone (1.2 ms)
 *      FAIL  forty failures fire (2.3 ms)
 *            site/rules/merchant_failures/test.lua:12: no such alert
 *              value: wanted 41, found 40
 *              the nearest: firing merchant_failures@1 …
 */
#ifndef TOCSIN_CORE_CLI_TEST_REPORT_H
#define TOCSIN_CORE_CLI_TEST_REPORT_H

#include "core/cli/script_version.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum test_format { TEST_PLAIN, TEST_JSON, TEST_JUNIT };

struct test_report {
	enum test_format format;
	json_t *results; /**< array; JSON and JUNIT */
	const char *last_path;
	uint32_t passed_count, failed_count;
	double spent_ms;
};

struct test_result {
	enum script_kind kind;
	const char *script; /**< the rule or plan */
	const char *path, *name;
	int line;         /**< of the case, or of what failed; 0: the whole file */
	const char *text; /**< what failed; NULL: passed */
	json_t *details;  /**< "differences" and "nearest" of an expectation; or NULL */
	double spent_ms;
};

void test_report_add(struct test_report *report, const struct test_result *result);
/** Prints what is left to print. */
void test_report_end(struct test_report *report);

#endif
