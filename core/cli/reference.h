/** reference.h - what the program's own tables say, as pages and stubs.
 *
 *      rule_options(), plan_options(), config_options() --.
 *      api_rows, api_classes -----------------------------+--> docs/reference.md
 *                                                         +--> lua/meta/<module>.lua
 *                                                         '--> the std of .luacheckrc
 *
 *  `tocsin reference` prints the page; developers write all files with `make reference`, and a test
 *  says when one of them is stale.
 */
#ifndef TOCSIN_CORE_CLI_REFERENCE_H
#define TOCSIN_CORE_CLI_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

struct bytes;
struct option;

enum { REFERENCE_MODULES_MAX = 16, REFERENCE_TABLES_MAX = 64 };

/** Modules that have a stub file: "sandbox", and those of lua/lib. Their count. */
uint32_t reference_modules(const char *out[REFERENCE_MODULES_MAX]);

void reference_append_page(struct bytes *out);
void reference_append_stub(const char *module, struct bytes *out);
void reference_append_luacheck(struct bytes *out);

/** A table of rows that stands in a file, or inside of another one. */
struct reference_table {
	const struct option *rows;
	char title[96];      /**< "flap", "sources.*.from[]" */
	char class_name[64]; /**< "tocsin.RuleFlap" */
};

struct reference_tables {
	struct reference_table items[REFERENCE_TABLES_MAX];
	uint32_t count;
};

/** Adds the tables inside of `rows`, each once, in the order of a walk; `prefix` begins the names
 *  of their classes ("Rule"). */
void reference_collect(const struct option *rows, const char *title, const char *prefix,
		       struct reference_tables *tables);
const struct reference_table *reference_find(const struct reference_tables *tables,
					     const struct option *rows); /**< or NULL */

/** Options that every rule type has, and has alike; ends with name NULL. */
const struct option *reference_common_options(void);
bool reference_is_common(const struct option *row);

#endif
