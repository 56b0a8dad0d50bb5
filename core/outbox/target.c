#include "core/outbox/outbox_internal.h"

#include <string.h>

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
