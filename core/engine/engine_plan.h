/** engine_plan.h - what an install will do, made and checked before anything changes. */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_PLAN_H
#define TOCSIN_CORE_ENGINE_ENGINE_PLAN_H

#include <stdint.h>

struct config;
struct config_source;
struct engine;
struct err_note;
struct intake;
struct metric;
struct rule;

struct install_source {
	const struct config_source *config;
	struct intake *intake; /**< owned until it is handed over */
};

struct install_plan {
	struct install_source *sources;
	uint32_t source_count;
	struct metric **metrics; /**< of each rule, borrowed from the intakes */
};

int engine_plan_install(struct engine *engine, struct config *config, struct rule *const *rules,
			uint32_t rule_count, struct install_plan *out, struct err_note *why);
void engine_plan_free(struct install_plan *plan);

#endif
