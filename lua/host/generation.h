/** generation.h - a whole site, compiled beside the running one: config, rule versions, plan
 *  versions, and a report.
 *
 *  Reads <site>/tocsin.lua, rules/<name>/<version>.lua, plans/<name>/<version>.lua; every file is
 *  loaded in a fresh sandboxed state with the load budget. All faults are reported, not only the
 *  first. A faulty rule or plan file is left out and listed as refused; a faulty tocsin.lua makes
 *  the generation unusable (`config` is NULL).
 *  Owner: generation_load() result owned; generation_free() drops its references.
 */
#ifndef TOCSIN_LUA_HOST_GENERATION_H
#define TOCSIN_LUA_HOST_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/report.h"

struct config;
struct err_note;
struct plan;
struct plan_factory;
struct rule;

enum { SITE_RULES_MAX = 5000, SITE_FILES_MAX = 20000, SITE_FILE_BYTES_MAX = 1024 * 1024 };

struct generation_file {
	char *path;
	char *name; /**< rule or plan name; NULL for tocsin.lua */
	uint32_t version;
	bool is_plan;
	bool is_refused;
	char hash[33];
	char *source; /**< text */
	char *reason; /**< text of the first fault when refused; `line` is its line */
	int line;
};

struct generation {
	struct config *config;
	struct rule **rules; /**< every version that loaded, active or not */
	uint32_t rule_count;
	struct plan **plans;
	uint32_t plan_count;
	struct generation_file *files;
	uint32_t file_count;
	struct report report;
};

/** `only` limits the rule and plan files that are loaded (tocsin check FILE…); NULL = all.
 *  ERR_NOT_FOUND: no site. */
int generation_load(struct generation **out, const char *site_dir, const char *const *only,
		    uint32_t only_count, struct err_note *why);
void generation_free(struct generation *generation);

/** A version whose source was kept because it was good once. */
struct kept_script {
	const char *name;
	uint32_t version;
	const char *source;
};

/** Loads a kept version as if its file were there. ERR_INVALID: it does not fit `config` any more
 *  (or the program has changed); the faults go to `report`, under the name of the file it came
 *  from. The result is owned: one reference. */
int generation_rule(const struct kept_script *kept, struct config *config, struct rule **out,
		    struct report *report);
int generation_plan(const struct kept_script *kept, struct config *config, struct plan **out,
		    struct report *report);

/** A plan factory from kept source (restart of a run whose file may be gone). */
int generation_plan_factory(const char *name, uint32_t version, const char *source,
			    const struct config *config, struct plan_factory **out,
			    struct err_note *why);

/** Refuses to start when scripts could not be bounded (JIT on, allocator not honoured): see
 *  budget.h. */
int lua_self_test(struct err_note *why);

#endif
