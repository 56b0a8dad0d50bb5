#include "core/config/config_chains.h"

#include "core/base/report.h"
#include "core/config/config_internal.h"

#include <stdio.h>
#include <string.h>

#define SECOND_MS 1000.0
#define DAY_MS    86400000.0

static const struct option condition_rows[] = {
	{.name = "days",
	 .type = OPTION_TEXT,
	 .example = "\"mon-fri\"",
	 .help = "days of the week; default: every day"},
	{.name = "from",
	 .type = OPTION_TEXT,
	 .example = "\"09:00\"",
	 .help = "clock time from which it holds"},
	{.name = "to",
	 .type = OPTION_TEXT,
	 .example = "\"18:00\"",
	 .help = "clock time until which it holds; before `from`: over midnight"},
	{.name = "except",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"2026-10-01\" }",
	 .help = "days on which it does not hold"},
	{.name = "zone",
	 .type = OPTION_TEXT,
	 .example = "\"Asia/Shanghai\"",
	 .help = "zone of the clock; default: the site's"},
	{.name = "alerts",
	 .type = OPTION_INT,
	 .min = 1,
	 .max = 1000000,
	 .example = "50",
	 .help = "so many alerts have come, or more"},
	{.name = "within",
	 .type = OPTION_SPAN,
	 .min = SECOND_MS,
	 .max = DAY_MS,
	 .example = "\"10m\"",
	 .help = "in the last so long; default: since the incident opened"},
	{.name = NULL},
};

static const struct option step_rows[] = {
	{.name = "notify",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"schedule:payments\", \"person:wang\", \"output:ops\" }",
	 .help = "who is told: whoever is on call, a person, an output"},
	{.name = "important",
	 .type = OPTION_BOOL,
	 .example = "true",
	 .help = "with notify: people are reached by the strongest means"},
	{.name = "wait",
	 .type = OPTION_SPAN,
	 .min = SECOND_MS,
	 .max = 7 * DAY_MS,
	 .example = "\"5m\"",
	 .help = "so long for somebody to acknowledge"},
	{.name = "only_if",
	 .type = OPTION_TABLE,
	 .example = "{ days = \"mon-fri\", from = \"09:00\", to = \"18:00\" }",
	 .help = "what follows, up to the next wait or only_if, happens only then",
	 .rows = condition_rows},
	{.name = "raise",
	 .type = OPTION_INT,
	 .min = 1,
	 .max = 4,
	 .example = "1",
	 .help = "the priority of the incident is so much higher"},
	{.name = "plan",
	 .type = OPTION_TEXT,
	 .example = "\"restart_gateway\"",
	 .help = "a plan that is started"},
	{.name = NULL},
};

const struct option config_chain_rows[] = {
	{.name = "category",
	 .type = OPTION_TEXT,
	 .example = "\"online\"",
	 .help = "of which incidents: of this category and those below; default: of all"},
	{.name = "priority",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"P1\", \"P2\" }",
	 .help = "of which incidents; default: of all"},
	{.name = "steps",
	 .type = OPTION_LIST,
	 .is_required = true,
	 .example = "{ { notify = { \"schedule:payments\" } }, { wait = \"5m\" } }",
	 .help = "what happens, one after the other, until somebody acknowledges",
	 .rows = step_rows},
	{.name = "again",
	 .type = OPTION_INT,
	 .min = 0,
	 .max = CHAIN_AGAIN_MAX,
	 .example = "2",
	 .help = "so many times more from the beginning; default 0"},
	{.name = NULL},
};

const struct option config_heartbeat_rows[] = {
	{.name = "url",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"https://watch.example.com/tocsin\"",
	 .help = "what is asked with GET while the program does its work"},
	{.name = "every",
	 .type = OPTION_SPAN,
	 .min = SECOND_MS,
	 .max = DAY_MS,
	 .example = "\"1m\"",
	 .help = "how often; default 1m"},
	{.name = "timeout",
	 .type = OPTION_SPAN,
	 .min = SECOND_MS,
	 .max = 60 * SECOND_MS,
	 .example = "\"10s\"",
	 .help = "how long an answer may take; default 10s"},
	{.name = NULL},
};

static const char *const kind_names[] = {
#define CHAIN_NAME(name, text) text,
	CHAIN_STEP_LIST(CHAIN_NAME)
#undef CHAIN_NAME
		NULL};

/** One chain that is read. */
struct reading {
	struct config_builder *builder;
	struct config_chain *chain;
	const char *what; /* "chain payments" */
};

#define FAULT(reading, node, ...)                                                                  \
	report_add((reading)->builder->report, (reading)->builder->file, (node)->line, __VA_ARGS__)

const char *chain_step_kind_name(enum chain_step_kind kind)
{
	return kind_names[kind];
}

bool chain_target_parse(const char *text, struct chain_target *out)
{
	static const char *const prefixes[] = {
		[CHAIN_TARGET_SCHEDULE] = "schedule:",
		[CHAIN_TARGET_PERSON] = "person:",
		[CHAIN_TARGET_OUTPUT] = "output:",
	};

	for (unsigned i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t length = strlen(prefixes[i]);

		if (strncmp(text, prefixes[i], length) != 0 || text[length] == '\0')
			continue;
		*out = (struct chain_target){(enum chain_target_kind)i, text + length, text};
		return true;
	}
	return false;
}

static bool target_exists(const struct config *config, const struct chain_target *target)
{
	switch (target->kind) {
	case CHAIN_TARGET_SCHEDULE: return config_find_schedule(config, target->name) != NULL;
	case CHAIN_TARGET_PERSON: return config_find_person(config, target->name) != NULL;
	case CHAIN_TARGET_OUTPUT: return config_find_output(config, target->name) != NULL;
	}
	return false;
}

static void read_targets(const struct reading *reading, const struct tree *list,
			 struct chain_step *step)
{
	struct config *config = reading->builder->config;

	if (list->child_count == 0 || list->child_count > CHAIN_TARGETS_MAX) {
		FAULT(reading, list, "\"notify\" of %s must name 1 to %d, found %u", reading->what,
		      CHAIN_TARGETS_MAX, list->child_count);
		return;
	}
	step->targets =
		arena_zalloc(&config->arena, list->child_count * sizeof(struct chain_target));
	for (const struct tree *item = list->first; item != NULL; item = item->next) {
		struct chain_target *target = &step->targets[step->target_count++];

		if (!chain_target_parse(config_copy_text(config, item->text), target))
			FAULT(reading, item,
			      "\"notify\" of %s must have \"schedule:NAME\", \"person:NAME\" or "
			      "\"output:NAME\", found \"%.80s\"; example: notify = { "
			      "\"schedule:payments\" }",
			      reading->what, item->text);
		else if (!target_exists(config, target))
			FAULT(reading, item, "%s names \"%.80s\", which the site does not have",
			      reading->what, item->text);
	}
}

static void read_condition(const struct reading *reading, const struct tree *tree,
			   struct chain_condition *out)
{
	static const char *const hours[] = {"days", "from", "to", "except"};
	char what[32 + CONFIG_NAME_BYTES_MAX];
	const struct tree *zone = tree_get(tree, "zone");
	bool has_hours = false;

	snprintf(what, sizeof(what), "only_if of %s", reading->what);
	if (options_check(tree, condition_rows, reading->builder->file, what,
			  reading->builder->report) > 0)
		return;
	for (unsigned i = 0; i < sizeof(hours) / sizeof(hours[0]); i++)
		has_hours |= tree_get(tree, hours[i]) != NULL;
	out->alerts = (uint32_t)option_int(tree, "alerts", 0);
	out->within_ms = option_span_ms(tree, "within", 0);
	if (!has_hours && out->alerts == 0)
		FAULT(reading, tree,
		      "%s says nothing: it wants hours (days, from, to, except) or alerts; "
		      "example: only_if = { from = \"09:00\", to = \"18:00\" }",
		      what);
	if (out->within_ms > 0 && out->alerts == 0)
		FAULT(reading, tree,
		      "%s has \"within\" but no \"alerts\"; example: only_if = { alerts = 50, "
		      "within = \"10m\" }",
		      what);
	if (!has_hours && zone != NULL)
		FAULT(reading, zone, "%s has a zone but no hours", what);
	if (!has_hours)
		return;
	config_read_hours(reading->builder, tree, what, &out->hours);
	out->zone = config_read_zone(reading->builder, tree, what);
}

static void read_plan(const struct reading *reading, const struct tree *plan,
		      struct chain_step *step)
{
	step->plan = config_copy_text(reading->builder->config, plan->text);
	if (!config_is_name(plan->text))
		FAULT(reading, plan,
		      "\"plan\" of %s must be the name of a plan, found \"%.64s\"; example: plan = "
		      "\"restart_gateway\"",
		      reading->what, plan->text);
}

static void read_step_as(const struct reading *reading, const struct tree *tree,
			 const struct tree *value, struct chain_step *step)
{
	switch (step->kind) {
	case CHAIN_NOTIFY: read_targets(reading, value, step); break;
	case CHAIN_WAIT: step->wait_ms = option_span_ms(tree, "wait", 0); break;
	case CHAIN_ONLY_IF: read_condition(reading, value, &step->condition); break;
	case CHAIN_RAISE: step->raise = (uint32_t)option_int(tree, "raise", 0); break;
	case CHAIN_PLAN: read_plan(reading, value, step); break;
	case CHAIN_STEP_KINDS: break;
	}
	step->is_important = option_bool(tree, "important", false);
	if (step->is_important && step->kind != CHAIN_NOTIFY)
		FAULT(reading, tree, "\"important\" of %s goes with \"notify\"", reading->what);
}

static void read_step(const struct reading *reading, const struct tree *tree)
{
	struct chain_step *step = &reading->chain->steps[reading->chain->step_count++];
	const struct tree *value = NULL;
	char what[32 + CONFIG_NAME_BYTES_MAX];
	uint32_t count = 0;

	step->line = tree->line;
	snprintf(what, sizeof(what), "a step of %s", reading->what);
	if (options_check(tree, step_rows, reading->builder->file, what, reading->builder->report) >
	    0)
		return;
	for (unsigned kind = 0; kind < CHAIN_STEP_KINDS; kind++) {
		if (tree_get(tree, kind_names[kind]) == NULL)
			continue;
		value = tree_get(tree, kind_names[kind]);
		step->kind = (enum chain_step_kind)kind;
		count++;
	}
	if (count == 1)
		read_step_as(reading, tree, value, step);
	else
		FAULT(reading, tree,
		      "%s must have one of notify, wait, only_if, raise, plan, found %u; what "
		      "comes "
		      "after it is a step of its own",
		      what, count);
}

static void read_steps(const struct reading *reading, const struct tree *list)
{
	struct config_chain *chain = reading->chain;
	char found[TREE_DESCRIPTION_BYTES_MAX];
	bool notifies = false;

	if (list->child_count == 0 || list->child_count > CHAIN_STEPS_MAX) {
		FAULT(reading, list, "%s must have 1 to %d steps, found %u", reading->what,
		      CHAIN_STEPS_MAX, list->child_count);
		return;
	}
	chain->steps = arena_zalloc(&reading->builder->config->arena,
				    list->child_count * sizeof(struct chain_step));
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		if (tree_is_map(item))
			read_step(reading, item);
		else
			FAULT(reading, item, "\"steps\" of %s must have tables, found %s",
			      reading->what, tree_describe(item, found));
	for (uint32_t i = 0; i < chain->step_count; i++)
		notifies |= chain->steps[i].kind == CHAIN_NOTIFY;
	if (!notifies)
		FAULT(reading, list, "%s tells nobody: a step with \"notify\" is missing",
		      reading->what);
	if (chain->again > 0 && chain->step_count > 0 &&
	    chain->steps[chain->step_count - 1].kind != CHAIN_WAIT)
		FAULT(reading, list,
		      "%s begins again, so its last step must be a wait; example: { wait = \"5m\" "
		      "}",
		      reading->what);
}

static void read_priorities(const struct reading *reading, const struct tree *list)
{
	reading->chain->priorities = list == NULL ? CHAIN_ALL_PRIORITIES : 0;
	if (list == NULL)
		return;
	if (list->child_count == 0)
		FAULT(reading, list,
		      "\"priority\" of %s must not be empty; without it all are meant",
		      reading->what);
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		if (item->text[0] == 'P' && item->text[1] >= '1' && item->text[1] <= '5' &&
		    item->text[2] == '\0')
			reading->chain->priorities |= 1U << (item->text[1] - '1');
		else
			FAULT(reading, item,
			      "\"priority\" of %s must have P1, P2, P3, P4 or P5, found \"%.40s\"",
			      reading->what, item->text);
}

static void read_category(const struct reading *reading, const struct tree *node)
{
	const struct config *config = reading->builder->config;

	if (node == NULL)
		return;
	reading->chain->category = config_copy_text(reading->builder->config, node->text);
	for (uint32_t i = 0; i < config->category_count; i++)
		if (strcmp(config->categories[i].name, node->text) == 0)
			return;
	FAULT(reading, node, "%s is for the category \"%.64s\", which the site does not have",
	      reading->what, node->text);
}

static void read_chain(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	struct config_chain *chain = &config->chains[config->chain_count];
	char what[16 + CONFIG_NAME_BYTES_MAX];
	struct reading reading = {builder, chain, what};

	snprintf(what, sizeof(what), "chain %.64s", tree->key);
	if (options_check(tree, config_chain_rows, builder->file, what, builder->report) > 0)
		return;
	config->chain_count++;
	chain->name = config_copy_text(config, tree->key);
	chain->again = (uint32_t)option_int(tree, "again", 0);
	read_category(&reading, tree_get(tree, "category"));
	read_priorities(&reading, tree_get(tree, "priority"));
	read_steps(&reading, tree_get(tree, "steps"));
}

void config_read_chains(struct config_builder *builder, const struct tree *chains)
{
	struct config *config = builder->config;

	if (chains == NULL)
		return;
	if (chains->child_count > CHAINS_MAX) {
		report_add(builder->report, builder->file, chains->line,
			   "the site has %u chains; at most %d are allowed", chains->child_count,
			   CHAINS_MAX);
		return;
	}
	config->chains =
		arena_zalloc(&config->arena, (chains->child_count + 1) * sizeof(*config->chains));
	for (const struct tree *item = chains->first; item != NULL; item = item->next)
		if (item->key != NULL && tree_is_map(item) && config_is_name(item->key))
			read_chain(builder, item);
		else
			report_add(builder->report, builder->file, item->line,
				   "\"chains\" must have entries such as payments = { steps = { { "
				   "notify = { \"schedule:payments\" } } } }");
}

void config_read_heartbeat(struct config_builder *builder, const struct tree *site)
{
	const struct tree *tree = config_section(builder, site, "heartbeat", config_heartbeat_rows);
	struct config_heartbeat *heartbeat;

	if (tree == NULL)
		return;
	heartbeat = arena_zalloc(&builder->config->arena, sizeof(*heartbeat));
	heartbeat->url = config_copy_text(builder->config, option_text(tree, "url", ""));
	heartbeat->every_ms = option_span_ms(tree, "every", 60000);
	heartbeat->timeout_ms = option_span_ms(tree, "timeout", 10000);
	builder->config->heartbeat = heartbeat;
	if (!config_is_url(heartbeat->url))
		report_add(builder->report, builder->file, tree_get(tree, "url")->line,
			   "\"url\" of heartbeat must begin with http:// or https://, found "
			   "\"%.80s\"; example: url = \"https://watch.example.com/tocsin\"",
			   heartbeat->url);
}
