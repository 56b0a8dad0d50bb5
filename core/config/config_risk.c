#include "core/config/config_risk.h"

#include "core/base/bytes.h"
#include "core/base/report.h"
#include "core/config/config_internal.h"
#include "core/oncall/person.h"

#include <string.h>

enum { QUORUM_MAX = 20, DAY_MS = 24 * 3600 * 1000 };

static const char *const modes[] = {"run", "tell", "ask", NULL};
static const char *const priorities[] = {"P1", "P2", "P3", "P4", "P5", NULL};

/* clang-format off */
const struct option config_risk_rows[] = {
	{.name = "low", .type = OPTION_CHOICE, .choices = modes, .example = "\"run\"",
	 .help = "plans of low risk: run alone, tell, or ask before their first step (run)"},
	{.name = "medium", .type = OPTION_CHOICE, .choices = modes, .example = "\"tell\"",
	 .help = "plans of medium risk (tell)"},
	{.name = "high", .type = OPTION_CHOICE, .choices = modes, .example = "\"ask\"",
	 .help = "plans of high risk (ask)"},
	{.name = "to", .type = OPTION_TEXT_LIST, .example = "{ \"ops\" }",
	 .help = "outputs and people that are told"},
	{.name = "who", .type = OPTION_TEXT_LIST, .example = "{ \"role:commander\" }",
	 .help = "who may approve, as in ctx:ask; without it anybody"},
	{.name = "quorum", .type = OPTION_INT, .min = 1, .max = QUORUM_MAX, .example = "2",
	 .help = "so many approvals (1)"},
	{.name = "expires", .type = OPTION_SPAN, .min = 1000, .max = 7.0 * DAY_MS,
	 .example = "\"30m\"", .help = "without an answer the run is cancelled then (1h)"},
	{.name = "four_eyes", .type = OPTION_BOOL, .example = "true",
	 .help = "who started the run may not approve it (true)"},
	{.name = "preapproved", .type = OPTION_CHOICES, .choices = priorities,
	 .example = "\"P1\"",
	 .help = "for incidents of these priorities plans that were drilled need not ask"},
	{.name = "drilled", .type = OPTION_SPAN, .min = DAY_MS, .max = 365.0 * DAY_MS,
	 .example = "\"30d\"", .help = "the last good drill is not longer ago (30d)"},
	{.name = NULL},
};
/* clang-format on */

static enum risk_mode mode_of(const struct tree *section, const char *name, const char *otherwise)
{
	const char *text = option_text(section, name, otherwise);
	uint32_t index = 0;

	while (modes[index] != NULL && strcmp(modes[index], text) != 0)
		index++;
	return (enum risk_mode)index;
}

static const char **texts_of(struct config_builder *builder, const struct tree *list,
			     uint32_t *count)
{
	const char **texts;

	if (list == NULL)
		return NULL;
	if (list->child_count == 0 || list->child_count > CONFIG_RISK_TEXTS_MAX) {
		report_add(builder->report, builder->file, list->line,
			   "\"%s\" of risk must have 1 to %d names, found %u", list->key,
			   CONFIG_RISK_TEXTS_MAX, list->child_count);
		return NULL;
	}
	texts = arena_zalloc(&builder->config->arena, list->child_count * sizeof(*texts));
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		texts[(*count)++] = config_copy_text(builder->config, item->text);
	return texts;
}

static void check_to(struct config_builder *builder, const struct tree *list)
{
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		if (config_find_output(builder->config, item->text) == NULL &&
		    config_find_person(builder->config, item->text) == NULL)
			report_add(builder->report, builder->file, item->line,
				   "\"to\" of risk has \"%.64s\": the site has no output and no "
				   "person of that name",
				   item->text);
}

static bool has_role(const struct config *config, const char *role)
{
	static const char *const of_incidents[] = {"owner", "commander", "scribe", "liaison",
						   "comms"};

	for (size_t i = 0; i < sizeof(of_incidents) / sizeof(of_incidents[0]); i++)
		if (strcmp(of_incidents[i], role) == 0)
			return true;
	for (uint32_t i = 0; i < config->person_count; i++)
		if (person_has_role(&config->people[i], role))
			return true;
	return false;
}

/* Who is nobody can never say yes. Names may be of people that the site does not know. */
static void check_who(struct config_builder *builder, const struct tree *list)
{
	const struct tree *item = list != NULL ? list->first : NULL;

	for (; item != NULL; item = item->next) {
		const char *name = item->text;

		if (strncmp(name, "role:", 5) == 0 && !has_role(builder->config, name + 5))
			report_add(
				builder->report, builder->file, item->line,
				"\"who\" of risk has \"%.64s\": no person has that role; incidents "
				"have owner, commander, scribe, liaison and comms",
				name);
		if (strncmp(name, "schedule:", 9) == 0 &&
		    config_find_schedule(builder->config, name + 9) == NULL)
			report_add(builder->report, builder->file, item->line,
				   "\"who\" of risk has \"%.64s\": the site has no such schedule",
				   name);
	}
}

/* A role or a schedule may be many people's. */
static void check_quorum(struct config_builder *builder, const struct tree *section,
			 const struct config_risk *risk)
{
	for (uint32_t i = 0; i < risk->who_count; i++)
		if (strchr(risk->who[i], ':') != NULL)
			return;
	if (risk->who_count > 0 && risk->quorum > (int64_t)risk->who_count)
		report_add(builder->report, builder->file, tree_get(section, "quorum")->line,
			   "\"quorum\" of risk is %lld, but \"who\" names %u: nobody can reach it",
			   (long long)risk->quorum, risk->who_count);
}

static const char *join(struct config_builder *builder, const struct tree *value)
{
	struct bytes words = BYTES_EMPTY;
	const char *kept;

	if (value == NULL)
		return NULL;
	if (value->type == TREE_STRING)
		return config_copy_text(builder->config, value->text);
	for (const struct tree *item = value->first; item != NULL; item = item->next)
		bytes_append_format(&words, "%s%s", words.length > 0 ? " " : "", item->text);
	kept = config_copy_text(builder->config, words.data);
	bytes_deinit(&words);
	return kept;
}

void config_read_risk(struct config_builder *builder, const struct tree *site)
{
	const struct tree *section = tree_get(site, "risk");
	struct config_risk *risk;

	if (section == NULL || !tree_is_map(section) ||
	    options_check(section, config_risk_rows, builder->file, "risk", builder->report) > 0)
		return;
	risk = arena_zalloc(&builder->config->arena, sizeof(*risk));
	risk->low = mode_of(section, "low", "run");
	risk->medium = mode_of(section, "medium", "tell");
	risk->high = mode_of(section, "high", "ask");
	risk->to = texts_of(builder, tree_get(section, "to"), &risk->to_count);
	if (risk->to != NULL)
		check_to(builder, tree_get(section, "to"));
	risk->who = texts_of(builder, tree_get(section, "who"), &risk->who_count);
	check_who(builder, tree_get(section, "who"));
	risk->quorum = option_int(section, "quorum", 1);
	check_quorum(builder, section, risk);
	risk->expires_ms = option_span_ms(section, "expires", 3600 * 1000);
	risk->has_four_eyes = option_bool(section, "four_eyes", true);
	risk->preapproved = join(builder, tree_get(section, "preapproved"));
	risk->drilled_ms = option_span_ms(section, "drilled", INT64_C(30) * DAY_MS);
	builder->config->risk = risk;
}

const struct config_risk *config_risk(const struct config *config)
{
	return config != NULL ? config->risk : NULL;
}
