/** script_version.h - versions of rules and plans as they are named on the command line and in
 *  tests, "NAME" or "NAME@VERSION", and loading some of them alone. */
#ifndef TOCSIN_CORE_CLI_SCRIPT_VERSION_H
#define TOCSIN_CORE_CLI_SCRIPT_VERSION_H

#include <stdint.h>

#include "core/rule/rule.h"

struct err_note;
struct generation;

enum script_kind { SCRIPT_RULE, SCRIPT_PLAN };

struct script_version {
	char name[RULE_NAME_BYTES_MAX + 1];
	uint32_t version; /**< 0: the newest */
};

enum { SCRIPT_VERSIONS_MAX = 64 /**< loaded at once */ };

/** ERR_INVALID: not such a name. ERR_NOT_FOUND: the site has no such file. Version 0 becomes the
 *  newest. */
int script_version_find(struct script_version *out, enum script_kind kind, const char *site_dir,
			const char *text, struct err_note *why);

/** The versions that run in a world of a test, one of each name. */
struct script_set {
	enum script_kind kind;
	struct script_version items[SCRIPT_VERSIONS_MAX];
	uint32_t count;
};

/** "NAME@VERSION" or "NAME" (the newest) in place of what runs under this name. ERR_INVALID,
 *  ERR_NOT_FOUND: the site has no such file; ERR_FULL. */
int script_set_put(struct script_set *set, const char *site_dir, const char *text,
		   struct err_note *why);
/** The newest version of each other name of the site, as many as there is room for. */
void script_set_put_rest(struct script_set *set, const char *site_dir);
int script_set_remove(struct script_set *set, const char *name, struct err_note *why);

/** The site with these versions alone, owned. ERR_INVALID: it or one of them is faulty; the note is
 *  the first fault with its place. */
int script_set_load(struct generation **out, const struct script_set *set, const char *site_dir,
		    struct err_note *why);

#endif
