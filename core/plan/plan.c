#include "core/plan/plan.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/options.h"
#include "core/config/tree.h"
#include "core/model/span.h"
#include "core/plan/action.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_params.h"
#include "core/plan/plan_runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
	PLAN_API = 1,
	PLAN_TIMEOUT_DEFAULT_MS = 3600 * 1000,
	PLAN_CONCURRENCY_MAX = 1000,
	PLAN_BREAKER_FAILS_MAX = 100,
	PLAN_BREAKER_COOL_MS = 3600 * 1000,
	SPAN_MAX_DAYS = 365,
};

#define SPAN_MAX_MS (SPAN_MAX_DAYS * 86400.0 * 1000)

static const char *const risk_choices[] = {"low", "medium", "high", NULL};
/* Those of incident.h that are edges: an incident may be joined or commented many times. */
static const char *const event_choices[] = {
	"candidate", "opened",   "acked",   "unacked",   "ack_timeout", "handling",
	"mitigated", "resolved", "closed",  "cancelled", "merged",      "reopened",
	"raised",    "lowered",  "snoozed", "unsnoozed", NULL};
static const char *const priority_choices[] = {"P1", "P2", "P3", "P4", "P5", NULL};
static const char *const severity_choices[] = {"info", "warning", "critical", NULL};
static const char *const key_choices[] = {"incident", "rule", "global", NULL};
static const char *const conflict_choices[] = {"attach", "queue", "reject", NULL};

/* clang-format off */
static const struct option on_rows[] = {
	{.name = "incident", .type = OPTION_CHOICES, .is_required = true, .choices = event_choices,
	 .example = "\"opened\"", .help = "what happened to the incident",
	 .lua_type = "string|string[]"},
	{.name = "rule", .type = OPTION_TEXT, .example = "\"merchant-failures\"",
	 .help = "only incidents of this rule"},
	{.name = "severity", .type = OPTION_CHOICE, .choices = severity_choices,
	 .example = "\"critical\"", .help = "only incidents of this severity"},
	{.name = "category", .type = OPTION_TEXT, .example = "\"offline\"",
	 .help = "only incidents of this category or below"},
	{.name = "priority", .type = OPTION_CHOICES, .choices = priority_choices,
	 .example = "{ \"P1\", \"P2\" }", .help = "only incidents of these priorities"},
	{.name = "major", .type = OPTION_BOOL, .example = "true",
	 .help = "only major incidents"},
	{.name = NULL},
};

static const struct option concurrency_rows[] = {
	{.name = "key", .type = OPTION_CHOICE, .choices = key_choices, .example = "\"incident\"",
	 .help = "what the limit is counted for"},
	{.name = "limit", .type = OPTION_INT, .min = 1, .max = PLAN_CONCURRENCY_MAX,
	 .example = "1", .help = "runs at once"},
	{.name = "on_conflict", .type = OPTION_CHOICE, .choices = conflict_choices,
	 .example = "\"attach\"", .help = "what happens to one more"},
	{.name = NULL},
};

static const struct option breaker_rows[] = {
	{.name = "fails", .type = OPTION_INT, .is_required = true, .min = 1,
	 .max = PLAN_BREAKER_FAILS_MAX, .example = "3",
	 .help = "runs that fail one after the other open it"},
	{.name = "cool", .type = OPTION_SPAN, .min = 1000, .max = SPAN_MAX_MS,
	 .example = "\"1h\"", .help = "no run starts for so long; then one is tried (1h)"},
	{.name = "escalate", .type = OPTION_TEXT, .example = "\"ops\"",
	 .help = "the output or person that is told when it opens"},
	{.name = NULL},
};

static const struct option plan_rows[] = {
	{.name = "name", .type = OPTION_TEXT, .example = "\"notify-merchant\"",
	 .help = "the folder's name"},
	{.name = "api", .type = OPTION_INT, .min = PLAN_API, .max = PLAN_API, .example = "1",
	 .help = "version of this contract"},
	{.name = "owner", .type = OPTION_TEXT, .example = "\"payments\"",
	 .help = "who answers for the plan"},
	{.name = "description", .type = OPTION_TEXT, .example = "\"Tells the merchant's desk\"",
	 .help = "what it does"},
	{.name = "risk", .type = OPTION_CHOICE, .choices = risk_choices, .example = "\"low\"",
	 .help = "how much harm it can do"},
	{.name = "params", .type = OPTION_TABLE, .example = "{ limit = 5 }",
	 .help = "values given to run(ctx, params)"},
	{.name = "on", .type = OPTION_TABLE, .example = "{ incident = \"opened\" }",
	 .help = "the event that starts it; without it nothing does", .rows = on_rows},
	{.name = "concurrency", .type = OPTION_TABLE,
	 .example = "{ key = \"incident\", limit = 1, on_conflict = \"attach\" }",
	 .help = "how many runs at once", .rows = concurrency_rows},
	{.name = "rate", .type = OPTION_LIST, .example = "{ { 3, \"1h\" }, { 7, \"1d\" } }",
	 .help = "at most so many starts in a span"},
	{.name = "breaker", .type = OPTION_TABLE,
	 .example = "{ fails = 3, cool = \"1h\", escalate = \"ops\" }",
	 .help = "stops a plan that fails again and again", .rows = breaker_rows},
	{.name = "needs", .type = OPTION_TEXT_LIST, .example = "{ \"http\", \"notify\" }",
	 .help = "the only kinds of actions it may use (and log); without it any"},
	{.name = "timeout", .type = OPTION_SPAN, .min = 1000, .max = SPAN_MAX_MS,
	 .example = "\"1h\"", .help = "of a whole run"},
	{.name = "run", .type = OPTION_FUNCTION, .is_required = true,
	 .example = "function(ctx, params) … end", .help = "the steps",
	 .lua_type = "fun(ctx: tocsin.PlanContext, params: table): any"},
	{.name = NULL},
};
/* clang-format on */

const struct option *plan_options(void)
{
	return plan_rows;
}

struct plan_builder {
	struct plan *plan;
	const char *file;
	struct report *report;
};

static const char *keep(struct plan *plan, const char *text)
{
	return text ? arena_copy_text(&plan->arena, text) : NULL;
}

static void check_name(const struct plan_builder *builder, const struct tree *tree)
{
	const char *name = option_text(tree, "name", NULL);
	if (name && strcmp(name, builder->plan->name) != 0)
		report_add(builder->report, builder->file, tree_get(tree, "name")->line,
			   "name is \"%.64s\", but the folder is \"%.64s\": they must be equal "
			   "(or leave `name` out)",
			   name, builder->plan->name);
}

static void check_category(const struct plan_builder *builder, const struct config *config,
			   const struct tree *on)
{
	const char *category = builder->plan->on_category;
	if (!category || !config)
		return;
	struct bytes known = BYTES_EMPTY;
	bool is_known = false;
	for (uint32_t i = 0; i < config->category_count; i++) {
		is_known = is_known || strcmp(config->categories[i].name, category) == 0;
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", config->categories[i].name);
	}
	if (!is_known)
		report_add(builder->report, builder->file, tree_get(on, "category")->line,
			   "there is no category \"%.64s\"; known: %.400s", category,
			   known.length > 0 ? known.data : "none");
	bytes_deinit(&known);
}

/* One text, or a list of them: joined by spaces. */
static const char *keep_words(struct plan *plan, const struct tree *value)
{
	struct bytes words = BYTES_EMPTY;
	if (!value || value->type == TREE_STRING)
		return value ? keep(plan, value->text) : NULL;
	for (const struct tree *item = value->first; item; item = item->next)
		bytes_append_format(&words, "%s%s", words.length > 0 ? " " : "", item->text);
	const char *kept = keep(plan, words.length > 0 ? words.data : "");
	bytes_deinit(&words);
	return kept;
}

static void read_trigger(const struct plan_builder *builder, const struct tree *tree,
			 const struct config *config)
{
	const struct tree *on = tree_get(tree, "on");
	struct plan *plan = builder->plan;
	if (!on || !tree_is_map(on) ||
	    options_check(on, on_rows, builder->file, "on", builder->report) > 0)
		return;
	plan->on_event = keep_words(plan, tree_get(on, "incident"));
	plan->on_priority = keep_words(plan, tree_get(on, "priority"));
	plan->on_major = option_bool(on, "major", false);
	plan->on_rule = keep(plan, option_text(on, "rule", NULL));
	plan->on_severity = keep(plan, option_text(on, "severity", NULL));
	plan->on_category = keep(plan, option_text(on, "category", NULL));
	check_category(builder, config, on);
}

static int choice_index(const char *const *choices, const char *text)
{
	int index = 0;
	while (choices[index] && strcmp(choices[index], text) != 0)
		index++;
	return index;
}

static void read_concurrency(const struct plan_builder *builder, const struct tree *tree)
{
	const struct tree *map = tree_get(tree, "concurrency");
	struct plan *plan = builder->plan;
	plan->concurrency_key = "incident";
	plan->concurrency_limit = 1;
	plan->on_conflict = PLAN_ATTACH;
	if (!map || !tree_is_map(map) ||
	    options_check(map, concurrency_rows, builder->file, "concurrency", builder->report) > 0)
		return;
	plan->concurrency_key = keep(plan, option_text(map, "key", "incident"));
	plan->concurrency_limit = (uint32_t)option_int(map, "limit", 1);
	plan->on_conflict = (enum plan_conflict)choice_index(
		conflict_choices, option_text(map, "on_conflict", "attach"));
}

static bool read_rate(struct plan *plan, const struct tree *pair)
{
	const struct tree *count = pair->first;
	if (pair->type != TREE_LIST || pair->child_count != 2 || count->type != TREE_NUMBER ||
	    count->next->type != TREE_STRING)
		return false;
	int64_t span_ms;
	if (count->number < 1 || count->number > 1000000 || count->number != floor(count->number) ||
	    span_parse(count->next->text, &span_ms, NULL) != 0 || span_ms <= 0)
		return false;
	plan->rates[plan->rate_count].count = (uint32_t)count->number;
	plan->rates[plan->rate_count].span_ms = span_ms;
	plan->rate_count++;
	return true;
}

static void fault_rate(const struct plan_builder *builder, const struct tree *pair)
{
	char text[2][TREE_DESCRIPTION_BYTES_MAX];
	bool is_pair = pair->type == TREE_LIST && pair->child_count == 2;
	report_add(builder->report, builder->file, pair->line,
		   "each part of rate must be { count, span }, a whole number from 1 and a span, "
		   "found %s%s%s; example: rate = { { 3, \"1h\" } }",
		   tree_describe(is_pair ? pair->first : pair, text[0]), is_pair ? " and " : "",
		   is_pair ? tree_describe(pair->first->next, text[1]) : "");
}

static void read_rates(const struct plan_builder *builder, const struct tree *tree)
{
	const struct tree *list = tree_get(tree, "rate");
	if (!list || !tree_is_list(list))
		return;
	if (list->child_count > PLAN_RATES_MAX) {
		report_add(builder->report, builder->file, list->line,
			   "rate has %u pairs; at most %d are allowed", list->child_count,
			   PLAN_RATES_MAX);
		return;
	}
	for (const struct tree *pair = list->first; pair; pair = pair->next) {
		if (!read_rate(builder->plan, pair))
			fault_rate(builder, pair);
	}
}

static void read_params(const struct plan_builder *builder, const struct tree *tree)
{
	const struct tree *params = tree_get(tree, "params");
	struct bytes json = BYTES_EMPTY;
	/* An empty table could be a list as well: here it is a map. */
	if (!params || params->child_count == 0)
		bytes_append_text(&json, "{}");
	else if (!tree_is_map(params))
		return; /* reported with the other wrong types */
	else if (plan_json_of_tree(params, &json) != 0)
		report_add(builder->report, builder->file, params->line,
			   "params may hold texts, numbers, booleans, lists and tables only");
	else if (json.length > PLAN_PARAMS_BYTES_MAX)
		report_add(builder->report, builder->file, params->line,
			   "params are longer than %d bytes", PLAN_PARAMS_BYTES_MAX);
	builder->plan->params_json =
		arena_copy(&builder->plan->arena, json.data ? json.data : "", json.length);
	bytes_deinit(&json);
}

static void read_needs(const struct plan_builder *builder, const struct tree *tree)
{
	const struct tree *list = tree_get(tree, "needs");
	if (!list || !tree_is_list(list))
		return;
	for (const struct tree *item = list->first; item; item = item->next) {
		struct bytes known = BYTES_EMPTY;
		if (item->type != TREE_STRING || plan_action_kinds(item->text, &known)) {
			bytes_deinit(&known);
			continue;
		}
		report_add(builder->report, builder->file, item->line,
			   "needs has \"%.64s\", which is no kind of action; known kinds: %.400s",
			   item->text, known.data);
		bytes_deinit(&known);
	}
	builder->plan->needs = keep_words(builder->plan, list);
}

static void read_breaker(const struct plan_builder *builder, const struct tree *tree,
			 const struct config *config)
{
	const struct tree *map = tree_get(tree, "breaker");
	struct plan *plan = builder->plan;
	if (!map || !tree_is_map(map) ||
	    options_check(map, breaker_rows, builder->file, "breaker", builder->report) > 0)
		return;
	plan->breaker_fails = (uint32_t)option_int(map, "fails", 0);
	plan->breaker_cool_ms = option_span_ms(map, "cool", PLAN_BREAKER_COOL_MS);
	plan->breaker_escalate = keep(plan, option_text(map, "escalate", NULL));
	if (plan->breaker_escalate && config &&
	    !config_find_output(config, plan->breaker_escalate) &&
	    !config_find_person(config, plan->breaker_escalate))
		report_add(builder->report, builder->file, tree_get(map, "escalate")->line,
			   "breaker.escalate is \"%.64s\": the site has no output and no person of "
			   "that name",
			   plan->breaker_escalate);
}

struct plan *plan_new(const struct tree *tree, const char *name, uint32_t version, const char *file,
		      const char *hash, struct plan_factory *factory, const struct config *config,
		      struct report *report)
{
	size_t faults_before = report->count + report->dropped_count;
	struct plan *plan = mem_alloc(sizeof(*plan));
	struct plan_builder builder = {plan, file, report};
	arena_init(&plan->arena);
	plan->reference_count = 1;
	plan->name = keep(plan, name);
	plan->version = version;
	plan->file = keep(plan, file);
	snprintf(plan->hash, sizeof(plan->hash), "%s", hash);
	/* Every part is read, so that all faults are listed and not only the first part's. */
	options_check(tree, plan_rows, file, "the plan", report);
	check_name(&builder, tree);
	plan->owner = keep(plan, option_text(tree, "owner", ""));
	plan->description = keep(plan, option_text(tree, "description", ""));
	plan->risk = keep(plan, option_text(tree, "risk", "medium"));
	plan->timeout_ms = option_span_ms(tree, "timeout", PLAN_TIMEOUT_DEFAULT_MS);
	read_params(&builder, tree);
	read_trigger(&builder, tree, config);
	read_concurrency(&builder, tree);
	read_rates(&builder, tree);
	read_needs(&builder, tree);
	read_breaker(&builder, tree, config);
	if (report->count + report->dropped_count > faults_before) {
		plan_unref(plan);
		return NULL;
	}
	plan->factory = factory;
	return plan;
}

bool plan_has_word(const char *words, const char *word, size_t length)
{
	while (words && *words) {
		size_t span = strcspn(words, " ");
		if (span == length && memcmp(words, word, length) == 0)
			return true;
		words += span + strspn(words + span, " ");
	}
	return false;
}

struct plan *plan_ref(struct plan *plan)
{
	plan->reference_count++;
	return plan;
}

void plan_unref(struct plan *plan)
{
	if (!plan || --plan->reference_count > 0)
		return;
	if (plan->factory)
		plan->factory->ops->free(plan->factory);
	arena_deinit(&plan->arena);
	mem_free(plan);
}
