/** plan_test_reply.h - what a test says to the tries of a step or an action, in their order. */
#ifndef TOCSIN_CORE_CLI_PLAN_TEST_REPLY_H
#define TOCSIN_CORE_CLI_PLAN_TEST_REPLY_H

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct plan_reply;

struct plan_test_replies {
	struct plan_test_reply {
		char *name; /**< "look/top#1", "top" or "http.request" */
		bool is_probe;
		json_t *list;
		size_t next;
	} * items;
	uint32_t count;
};

/** Of the name so far: forgotten. `list`: {result, error, retry, repeatable, unknown, absent,
 *  silent, after_ms}, see lua/lib/plan_test.lua. */
int plan_test_replies_add(struct plan_test_replies *replies, const char *name, bool is_probe,
			  json_t *list);
/** What is said to a step goes before what is said to its action; a reply of the simulator stays
 *  when there is neither. */
void plan_test_replies_apply(struct plan_test_replies *replies, const char *step,
			     const char *action, bool is_probe, struct plan_reply *reply);
void plan_test_replies_deinit(struct plan_test_replies *replies);

#endif
