#include "core/cli/check_chain.h"

#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/config_chains.h"
#include "core/plan/plan.h"
#include "lua/host/generation.h"

#include <string.h>

struct doubting {
	const struct generation *site;
	const struct config_chain *chain;
	struct report *out;
};

#define DOUBT(doubting, step, ...)                                                                 \
	report_add((doubting)->out, (doubting)->site->config->file, (step)->line, __VA_ARGS__)

static bool has_plan(const struct generation *site, const char *name)
{
	for (uint32_t i = 0; i < site->plan_count; i++)
		if (strcmp(site->plans[i]->name, name) == 0)
			return true;
	return false;
}

static void doubt_target(const struct doubting *doubting, const struct chain_step *step,
			 const struct chain_target *target)
{
	const struct oncall_person *person =
		target->kind == CHAIN_TARGET_PERSON
			? config_find_person(doubting->site->config, target->name)
			: NULL;

	if (person != NULL && person->reach_count == 0)
		DOUBT(doubting, step,
		      "chain %s tells %s, who has no \"reach\": the page would reach nobody",
		      doubting->chain->name, person->id);
}

static void doubt_step(const struct doubting *doubting, uint32_t index)
{
	const struct config_chain *chain = doubting->chain;
	const struct chain_step *step = &chain->steps[index];
	const struct chain_step *next = index + 1 < chain->step_count ? step + 1 : NULL;

	if (step->kind == CHAIN_PLAN && !has_plan(doubting->site, step->plan))
		DOUBT(doubting, step, "chain %s starts plan %s, which the site does not have",
		      chain->name, step->plan);
	if (step->kind == CHAIN_ONLY_IF &&
	    (next == NULL || next->kind == CHAIN_WAIT || next->kind == CHAIN_ONLY_IF))
		DOUBT(doubting, step,
		      "\"only_if\" of chain %s is for nothing: it holds up to the next wait or "
		      "only_if, and there is no step before that",
		      chain->name);
	for (uint32_t i = 0; i < step->target_count; i++)
		doubt_target(doubting, step, &step->targets[i]);
}

void check_chain_doubts(const struct generation *site, struct report *out)
{
	const struct config *config = site->config;

	for (uint32_t i = 0; config != NULL && i < config->chain_count; i++) {
		struct doubting doubting = {site, &config->chains[i], out};

		for (uint32_t step = 0; step < config->chains[i].step_count; step++)
			doubt_step(&doubting, step);
	}
}
