/** test_script.h - a rule's test file: its cases are found by running its body, and run one by one.
 *
 *  What a case asks for (lua/lib/test.lua) comes as a call: a verb, a text, a table as JSON; the
 *  answer goes back as JSON. An error is raised at the script's line and ends the case.
 *  Owner: test_script_load() result owned. Threads: one with SCRIPT_STACK_BYTES of stack.
 */
#ifndef TOCSIN_LUA_BRIDGE_TEST_SCRIPT_H
#define TOCSIN_LUA_BRIDGE_TEST_SCRIPT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct test_script;

enum {
	TEST_CASES_MAX = 1000,
	TEST_MEMORY_BYTES = 256 * 1024 * 1024,
	TEST_INSTRUCTIONS = 500000000,
	TEST_CALL_MS = 60000,
};

struct test_world_ops {
	/** `text` and `json` may be empty. *out (owned) may stay NULL: nothing. */
	int (*call)(void *arg, const char *verb, const char *text, struct slice json, json_t **out,
		    struct err_note *why);
	/** An expectation failed at this line; `details` may be NULL. The case ends. */
	void (*fail)(void *arg, int line, const char *text, json_t *details);
};

/** `path` is as the user would write it; it and the ops are copied. ERR_SCRIPT, ERR_BUDGET,
 *  ERR_MEMORY, ERR_NOT_FOUND, ERR_IO: `*line` (0: none) and the note say why. */
int test_script_load(struct test_script **out, const char *path, const struct test_world_ops *ops,
		     void *arg, int *line, struct err_note *why);
void test_script_free(struct test_script *script);

uint32_t test_script_count(const struct test_script *script);
const char *test_script_name(const struct test_script *script, uint32_t index);
int test_script_line(const struct test_script *script, uint32_t index);
/** 0, or how it ended: then ops->fail() was called, or `*line` and the note say why. */
int test_script_run(struct test_script *script, uint32_t index, int *line, struct err_note *why);

#endif
