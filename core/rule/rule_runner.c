#include "core/rule/rule_runner.h"

#include "core/base/mem.h"

void rule_verdict_clear(struct rule_verdict *verdict)
{
	mem_free(verdict->message);
	mem_free(verdict->severity);
	mem_free(verdict->labels_json);
	*verdict = (struct rule_verdict){0};
}
