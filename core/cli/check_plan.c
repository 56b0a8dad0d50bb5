#include "core/cli/check_plan.h"

#include "core/base/bytes.h"
#include "core/base/report.h"
#include "core/cli/check_note.h"
#include "core/config/config.h"
#include "core/config/config_risk.h"
#include "core/plan/plan.h"
#include "lua/host/generation.h"
#include "lua/host/lua_lexer.h"

#include <stdint.h>
#include <string.h>

struct doubting {
	const struct generation *site;
	const struct plan *plan;
	const char *source;
	struct report *out;
};

static bool has_text(struct slice text, const char *word, size_t length)
{
	return text.length >= length && memmem(text.data, text.length, word, length) != NULL;
}

/** How many names and strings of the source have the word in them. */
static uint32_t count_word(const char *source, const char *word, size_t length)
{
	struct lua_lexer lexer = lua_lexer_of(source, strlen(source));
	uint32_t count = 0;

	for (lua_lexer_next(&lexer); lexer.token != LUA_TOKEN_END; lua_lexer_next(&lexer))
		if (lexer.token == LUA_TOKEN_NAME || lexer.token == LUA_TOKEN_STRING)
			count += has_text(lexer.text, word, length);
	return count;
}

static bool has_any(const char *source, const char *const *words)
{
	for (; *words != NULL; words++)
		if (count_word(source, *words, strlen(*words)) > 0)
			return true;
	return false;
}

/** A library of the site may do anything: then nothing is certain about calls. */
static bool is_alone(const char *source)
{
	return count_word(source, "require", strlen("require")) <=
	       count_word(source, "tocsin.", strlen("tocsin."));
}

static void doubt_rule(const struct doubting *doubting)
{
	const struct generation *site = doubting->site;
	const char *wanted = doubting->plan->on_rule;
	const char *near = NULL;

	/* A refused rule is there, too: that is told by itself. One that is like no other may come
	 * later; a slip of the pen is certain. */
	for (uint32_t i = 0; i < site->file_count && wanted != NULL; i++) {
		const struct generation_file *file = &site->files[i];

		if (file->name == NULL || file->is_plan)
			continue;
		if (strcmp(file->name, wanted) == 0)
			return;
		if (report_nearest(wanted, (const char *const[]){file->name, NULL}) != NULL)
			near = file->name;
	}
	if (near != NULL)
		report_add(
			doubting->out, doubting->plan->file,
			check_note_line(doubting->source, "rule"),
			"the trigger names rule \"%s\", which the site does not have; did you mean "
			"\"%s\"?",
			wanted, near);
}

static void doubt_risk(const struct doubting *doubting)
{
	static const char *const effects[] = {"exec", "http", "step", NULL};
	static const char *const guards[] = {"undo",   "rollback", "ask", "call",
					     "signal", "load",     NULL};
	const struct config *config = doubting->site->config;

	if (strcmp(doubting->plan->risk, "high") != 0 || !has_any(doubting->source, effects) ||
	    has_any(doubting->source, guards))
		return;
	if (config != NULL && config->risk != NULL && config->risk->high == RISK_ASK)
		return;
	report_add(
		doubting->out, doubting->plan->file, check_note_line(doubting->source, "risk"),
		"\"risk\" is high, but nothing in the plan asks a person, and nothing undoes what "
		"it did");
}

static void doubt_needs(const struct doubting *doubting)
{
	const char *need = doubting->plan->needs;

	/* The kind of a step may be computed. */
	if (need == NULL || count_word(doubting->source, "step", strlen("step")) > 0)
		return;
	for (need += strspn(need, " "); *need != '\0'; need += strspn(need, " ")) {
		size_t length = strcspn(need, " ");

		if (count_word(doubting->source, need, length) == 1)
			report_add(doubting->out, doubting->plan->file,
				   check_note_line(doubting->source, "needs"),
				   "\"needs\" has \"%.*s\", which no call of the plan uses",
				   (int)length, need);
		need += length;
	}
}

static const char *source_of(const struct generation *generation, const char *path)
{
	for (uint32_t i = 0; i < generation->file_count; i++)
		if (strcmp(generation->files[i].path, path) == 0)
			return generation->files[i].source;
	return NULL;
}

void check_plan_doubts(const struct generation *site, const struct generation *generation,
		       struct report *out)
{
	for (uint32_t i = 0; i < generation->plan_count; i++) {
		const struct plan *plan = generation->plans[i];
		struct doubting doubting = {site, plan, source_of(generation, plan->file), out};

		if (doubting.source == NULL ||
		    (i + 1 < generation->plan_count &&
		     strcmp(plan->name, generation->plans[i + 1]->name) == 0))
			continue;
		doubt_rule(&doubting);
		if (!is_alone(doubting.source))
			continue;
		doubt_risk(&doubting);
		doubt_needs(&doubting);
	}
}

bool check_plan_has(const char *site_dir, const char *path, const char *name)
{
	size_t length = strlen(site_dir);

	if (strncmp(path, site_dir, length) != 0)
		return false;
	path += length;
	path += strspn(path, "/");
	if (strncmp(path, "plans/", 6) != 0)
		return false;
	path += 6;
	return name == NULL ||
	       (strncmp(path, name, strlen(name)) == 0 && path[strlen(name)] == '/');
}
