/** memory_escalation.h - the part of a memory_target that calls people: real, with nobody there. */
#ifndef TOCSIN_TESTS_SUPPORT_MEMORY_ESCALATION_H
#define TOCSIN_TESTS_SUPPORT_MEMORY_ESCALATION_H

#include "core/base/require.h"
#include "core/control/control.h"
#include "core/escalation/escalation.h"
#include "core/escalation/heartbeat.h"
#include "core/escalation/override_store.h"

struct memory_escalation {
	struct escalation *escalation;
	struct heartbeat *heartbeat;
	struct override_store *overrides;
};

static inline bool memory_escalation_is_alive(void *arg)
{
	(void)arg;
	return false;
}

static inline void memory_escalation_open(struct memory_escalation *memory,
					  struct control_target *target)
{
	REQUIRE(override_store_new(&memory->overrides, target->kv, target->commit, NULL) == 0);
	struct escalation_options options = {.kv = target->kv,
					     .commit = target->commit,
					     .loop = target->loop,
					     .incidents = target->incidents,
					     .overrides = memory->overrides};
	REQUIRE(escalation_new(&memory->escalation, &options, NULL) == 0);
	memory->heartbeat = heartbeat_new(target->loop, NULL, memory_escalation_is_alive, NULL);
	target->escalation = memory->escalation;
	target->heartbeat = memory->heartbeat;
	target->overrides = memory->overrides;
}

static inline void memory_escalation_close(struct memory_escalation *memory)
{
	heartbeat_free(memory->heartbeat);
	escalation_free(memory->escalation);
	override_store_free(memory->overrides);
}

#endif
