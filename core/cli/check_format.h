/** check_format.h - the findings of a check as text, JSON lines, SARIF 2.1.0 or JUnit XML. */
#ifndef TOCSIN_CORE_CLI_CHECK_FORMAT_H
#define TOCSIN_CORE_CLI_CHECK_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "core/cli/check_place.h"

struct generation;

#define CHECK_FORMAT_LIST(X) X(PLAIN, "plain") X(JSON, "json") X(SARIF, "sarif") X(JUNIT, "junit")
enum check_format {
#define CHECK_FORMAT_ENUM(name, text) CHECK_FORMAT_##name,
	CHECK_FORMAT_LIST(CHECK_FORMAT_ENUM)
#undef CHECK_FORMAT_ENUM
};

/** id, level in SARIF, what such a finding is */
#define CHECK_KIND_LIST(X)                                                                         \
	X(FAULT, "fault", "error", "the file is refused")                                          \
	X(DOUBT, "doubt", "warning", "the rule runs, but can hardly be meant so")                  \
	X(COST, "cost", "note", "the rule runs; this is what it costs")                            \
	X(IMPACT, "impact", "note", "what the new version does to the state of the one before it")
enum check_kind {
#define CHECK_KIND_ENUM(name, id, level, help) CHECK_KIND_##name,
	CHECK_KIND_LIST(CHECK_KIND_ENUM)
#undef CHECK_KIND_ENUM
};

/** Texts are borrowed. */
struct check_finding {
	enum check_kind kind;
	const char *file;
	int line;
	const char *text;
	struct check_place place;
};

struct check_result {
	const struct generation *generation;
	const struct check_finding *findings;
	uint32_t finding_count;
};

/** enum check_format, or -1. */
int check_format_parse(const char *text);
/** Prints to stdout. */
void check_print(const struct check_result *result, enum check_format format);

/* One function for each; check_format.c chooses. */
void check_print_plain(const struct check_result *result);
void check_print_json(const struct check_result *result);
void check_print_sarif(const struct check_result *result);
void check_print_junit(const struct check_result *result);

const char *check_kind_id(enum check_kind kind);
const char *check_kind_level(enum check_kind kind);
const char *check_kind_help(enum check_kind kind);

#endif
