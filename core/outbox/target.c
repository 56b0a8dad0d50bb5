#include "core/outbox/outbox_internal.h"

void target_finish(struct target *target, uint32_t delivered_count, enum send_end end,
		   const char *error)
{
	target->on_done(target->arg, delivered_count, end, error);
}
