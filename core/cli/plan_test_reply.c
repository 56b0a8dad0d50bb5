#include "core/cli/plan_test_reply.h"

#include "core/base/mem.h"
#include "core/cli/plan_effects.h"
#include "core/plan/action.h"
#include "core/plan/plan_json.h"

#include <string.h>

static struct plan_test_reply *find(struct plan_test_replies *replies, const char *name,
				    bool is_probe)
{
	for (uint32_t i = 0; i < replies->count; i++)
		if (replies->items[i].is_probe == is_probe &&
		    strcmp(replies->items[i].name, name) == 0)
			return &replies->items[i];
	return NULL;
}

int plan_test_replies_add(struct plan_test_replies *replies, const char *name, bool is_probe,
			  json_t *list)
{
	struct plan_test_reply *reply = find(replies, name, is_probe);
	if (!reply) {
		replies->items =
			mem_grow(replies->items, replies->count + 1, sizeof(*replies->items));
		reply = &replies->items[replies->count++];
		*reply =
			(struct plan_test_reply){.name = mem_copy_text(name), .is_probe = is_probe};
	}
	json_decref(reply->list);
	reply->list = json_incref(list);
	reply->next = 0;
	return 0;
}

static struct plan_test_reply *choose(struct plan_test_replies *replies, const char *step,
				      const char *action, bool is_probe)
{
	for (uint32_t i = 0; i < replies->count; i++)
		if (replies->items[i].is_probe == is_probe &&
		    plan_effects_is_step(step, replies->items[i].name))
			return &replies->items[i];
	return find(replies, action, is_probe);
}

static bool is_set(const json_t *said, const char *name)
{
	return json_is_true(json_object_get(said, name));
}

void plan_test_replies_apply(struct plan_test_replies *replies, const char *step,
			     const char *action, bool is_probe, struct plan_reply *reply)
{
	struct plan_test_reply *chosen = choose(replies, step, action, is_probe);
	if (!chosen)
		return;
	const json_t *said = json_array_get(chosen->list, chosen->next);
	const json_t *result = json_object_get(said, "result");
	const char *error = json_string_value(json_object_get(said, "error"));
	if (chosen->next + 1 < json_array_size(chosen->list))
		chosen->next++;
	reply->after_ms = is_set(said, "silent")
				  ? INT64_MAX
				  : json_integer_value(json_object_get(said, "after_ms"));
	if (result) {
		mem_free(reply->result_json);
		reply->result_json = plan_json_text(result);
	}
	struct plan_action_result bad = {.can_retry = is_set(said, "retry"),
					 .can_repeat = is_set(said, "repeatable"),
					 .is_unknown = is_set(said, "unknown"),
					 .is_absent = is_set(said, "absent")};
	if (!error && !bad.can_retry && !bad.can_repeat && !bad.is_unknown && !bad.is_absent)
		return;
	reply->result = bad;
	reply->error = mem_copy_text(error ? error : "the test says that it failed");
}

void plan_test_replies_deinit(struct plan_test_replies *replies)
{
	for (uint32_t i = 0; i < replies->count; i++) {
		mem_free(replies->items[i].name);
		json_decref(replies->items[i].list);
	}
	mem_free(replies->items);
}
