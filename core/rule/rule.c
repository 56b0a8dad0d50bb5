#include "core/rule/rule.h"

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/baseline/baseline.h"
#include "core/rule/rule_internal.h"
#include "core/rule/rule_runner.h"

#include <string.h>

static const char *const type_names[] = {
#define RULE_TYPE_NAME(name, text) [RULE_##name] = (text),
	RULE_TYPE_LIST(RULE_TYPE_NAME)
#undef RULE_TYPE_NAME
};

const char *rule_type_name(enum rule_type type)
{
	REQUIRE((size_t)type < sizeof(type_names) / sizeof(type_names[0]));
	return type_names[type];
}

int rule_type_parse(const char *text)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (strcmp(type_names[i], text) == 0)
			return (int)i;
	return -1;
}

const char *rule_reference_name(const struct rule *rule, uint32_t index)
{
	if (rule->baseline == NULL)
		return rule->trend != NULL ? "expected" : NULL;
	return index < rule->baseline->reference_count ? rule->baseline->references[index].name
						       : NULL;
}

struct rule *rule_ref(struct rule *rule)
{
	rule->reference_count++;
	return rule;
}

void rule_unref(struct rule *rule)
{
	if (rule == NULL || --rule->reference_count > 0)
		return;
	if (rule->runner != NULL)
		rule->runner->ops->free(rule->runner);
	rule_free_parts(rule);
	arena_deinit(&rule->arena);
	mem_free(rule);
}
