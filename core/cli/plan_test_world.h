/** plan_test_world.h - the world of a plan's test: core/cli/plan_world.h with what a case asks for;
 *  the verbs are those of lua/lib/plan_test.lua. Effects are kept as documents until they are met.
 *
 *  Limits: TEST_EFFECTS_MAX effects of a case are kept; more end it.
 */
#ifndef TOCSIN_CORE_CLI_PLAN_TEST_WORLD_H
#define TOCSIN_CORE_CLI_PLAN_TEST_WORLD_H

#include "core/base/bytes.h"

#include <jansson.h>

struct err_note;
struct plan_test_world;

enum { TEST_EFFECTS_MAX = 10000 };

/** A new world in which the newest version of `plan` is active. ERR_INVALID and others: the site or
 *  the plan is faulty; the note has the first fault with its place. */
int plan_test_world_new(struct plan_test_world **out, const char *site_dir, const char *plan,
			struct err_note *why);
void plan_test_world_free(struct plan_test_world *test); /**< NULL allowed */

/** As test_world_ops.call. */
int plan_test_world_call(struct plan_test_world *test, const char *verb, const char *text,
			 struct slice json, json_t **out, struct err_note *why);

#endif
