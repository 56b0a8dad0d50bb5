#include "core/outbox/outbox_internal.h"

#include "core/base/env.h"

#include <string.h>

enum { BACK_OFF_MIN_MS = 500, BACK_OFF_MAX_MS = 60000, BACK_OFF_DOUBLINGS_MAX = 7 };

void target_finish(struct target *target, uint32_t delivered_count, enum send_end end,
		   const char *error)
{
	target->on_done(target->arg, delivered_count, end, error);
}

const char *target_error_without_url(const char *error)
{
	const char *rest = strstr(error, ": ");

	return rest ? rest + 2 : error;
}

int64_t outbox_back_off_ms(const struct env *env, uint32_t attempt_count)
{
	uint32_t doublings = attempt_count - 1;
	uint64_t random;
	uint64_t most_ms;

	most_ms = (uint64_t)BACK_OFF_MIN_MS
		  << (doublings < BACK_OFF_DOUBLINGS_MAX ? doublings : BACK_OFF_DOUBLINGS_MAX);
	if (most_ms > BACK_OFF_MAX_MS)
		most_ms = BACK_OFF_MAX_MS;
	env_random(env, &random, sizeof(random));
	return (int64_t)(1 + random % most_ms);
}
