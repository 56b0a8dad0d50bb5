/** test_rules.h - which versions of which rules run in a test's world, and loading them. */
#ifndef TOCSIN_CORE_CLI_TEST_RULES_H
#define TOCSIN_CORE_CLI_TEST_RULES_H

#include <stdint.h>

#include "core/cli/test_world.h"
#include "core/rule/rule.h"

struct err_note;
struct generation;

struct test_rule {
	char name[RULE_NAME_BYTES_MAX + 1];
	uint32_t version;
};

/** At most one version of each rule. */
struct test_rules {
	struct test_rule items[TEST_RULES_MAX];
	uint32_t count;
};

/** "NAME@VERSION" or "NAME" (the newest) in place of what runs under this name. ERR_INVALID,
 *  ERR_NOT_FOUND: the site has no such file; ERR_FULL. */
int test_rules_put(struct test_rules *rules, const char *site_dir, const char *text,
		   struct err_note *why);
int test_rules_remove(struct test_rules *rules, const char *name, struct err_note *why);

/** The site with these rules alone, owned. ERR_INVALID: it or one of them is faulty; the note is
 *  the first fault with its place. */
int test_rules_load(const struct test_rules *rules, const char *site_dir, struct generation **out,
		    struct err_note *why);

#endif
