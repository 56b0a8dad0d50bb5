/** test_world.h - the world of a rule's test: a clock that only the test moves, a store in memory,
 *  and between them the very stage 1 and engine of the daemon. Nothing leaves it.
 *
 *      reading -> JSON (or CSV) line -> reader -> bundle -> engine -> alerts, kept as documents
 *
 *  A restart frees engine, store's commit and rules, and makes them again on what is stored.
 *  Owner: test_world_new() result owned. Threads: one, with a big stack (scripts).
 *  Limits: TEST_ALERTS_MAX alerts of a case are kept; more end it.
 */
#ifndef TOCSIN_CORE_CLI_TEST_WORLD_H
#define TOCSIN_CORE_CLI_TEST_WORLD_H

#include <jansson.h>

#include "core/base/bytes.h"

struct err_note;
struct test_world;

enum { TEST_ALERTS_MAX = 10000 };

/** A new world in which the newest version of `rule` is active. ERR_INVALID and others: the site
 *  or the rule is faulty; the note has the first fault with its place. */
int test_world_new(struct test_world **out, const char *site_dir, const char *rule,
		   struct err_note *why);
void test_world_free(struct test_world *world); /**< NULL allowed */

/** What a case asks for; see lua/lib/test.lua for the verbs. As test_world_ops.call. */
int test_world_call(struct test_world *world, const char *verb, const char *text, struct slice json,
		    json_t **out, struct err_note *why);

#endif
