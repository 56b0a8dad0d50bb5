#include "core/config/config_internal.h"

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/model/local_day.h"
#include "core/model/zone.h"
#include "core/oncall/person.h"

#include <stdio.h>
#include <string.h>

enum { EVERY_DAY = 0x7F };

static const char *const language_choices[] = {"en", "zh", NULL};

static const struct option quiet_rows[] = {
	{.name = "from",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"22:00\"",
	 .help = "clock time from which only P1 and major incidents page"},
	{.name = "to",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"08:00\"",
	 .help = "clock time until which; 24:00 is midnight"},
	{.name = "days",
	 .type = OPTION_TEXT,
	 .example = "\"mon-fri\"",
	 .help = "days on which quiet hours begin; default: every day"},
	{.name = NULL},
};

const struct option config_person_rows[] = {
	{.name = "name",
	 .type = OPTION_TEXT,
	 .example = "\"Wang Wei\"",
	 .help = "how messages call the person; default: the key"},
	{.name = "zone",
	 .type = OPTION_TEXT,
	 .example = "\"Asia/Shanghai\"",
	 .help = "zone of the quiet hours; default: the site's"},
	{.name = "language",
	 .type = OPTION_CHOICE,
	 .choices = language_choices,
	 .example = "\"zh\"",
	 .help = "language of pages; default: the output's"},
	{.name = "roles",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"commander\" }",
	 .help = "what the person may be asked as: role:commander"},
	{.name = "reach",
	 .type = OPTION_LIST,
	 .example = "{ { \"voice\", \"+8613800000000\" }, { \"ops\", \"@wang\" } }",
	 .help = "outputs and addresses by which the person is reached, the first is tried first",
	 .lua_type = "{ [1]: string, [2]?: string }[]"},
	{.name = "quiet",
	 .type = OPTION_TABLE,
	 .example = "{ from = \"22:00\", to = \"08:00\" }",
	 .help = "hours in which only P1 and major incidents page",
	 .rows = quiet_rows},
	{.name = NULL},
};

#define FAULT(builder, node, ...)                                                                  \
	report_add((builder)->report, (builder)->file, (node)->line, __VA_ARGS__)

/** People of one zone share it: a site has a thousand people and few zones. */
static void read_zone(struct config_builder *builder, const struct tree *tree,
		      struct oncall_person *person)
{
	const struct config *config = builder->config;
	struct err_note why = {""};

	person->zone_name =
		config_copy_text(builder->config, option_text(tree, "zone", config->timezone));
	for (uint32_t i = 0; i < config->person_count; i++) {
		if (strcmp(config->people[i].zone_name, person->zone_name) == 0) {
			person->zone = config->people[i].zone;
			return;
		}
	}
	if (zone_open(&person->zone, person->zone_name, &why) == 0)
		person->owns_zone = true;
	else if (tree_get(tree, "zone") != NULL)
		FAULT(builder, tree_get(tree, "zone"), "\"zone\" of person %.64s: %s", tree->key,
		      why.text);
}

static bool read_way(struct config_builder *builder, const struct tree *node,
		     struct person_reach *way)
{
	const struct tree *output = tree_is_list(node) ? node->first : NULL;
	const struct tree *address = output != NULL ? output->next : NULL;

	if (output == NULL || output->type != TREE_STRING ||
	    (address != NULL &&
	     (address->type != TREE_STRING || address->text[0] == '\0' || address->next != NULL)))
		return false;
	way->output = config_copy_text(builder->config, output->text);
	way->address = address != NULL ? config_copy_text(builder->config, address->text) : NULL;
	return true;
}

static void read_reach(struct config_builder *builder, const struct tree *tree,
		       struct oncall_person *person)
{
	const struct tree *list = tree_get(tree, "reach");

	if (list == NULL)
		return;
	if (list->child_count == 0 || list->child_count > PERSON_REACH_MAX) {
		FAULT(builder, list, "\"reach\" of person %.64s must have 1 to %d ways, found %u",
		      tree->key, PERSON_REACH_MAX, list->child_count);
		return;
	}
	person->reach =
		arena_zalloc(&builder->config->arena, list->child_count * sizeof(*person->reach));
	for (const struct tree *item = list->first; item != NULL; item = item->next) {
		struct person_reach *way = &person->reach[person->reach_count++];

		if (!read_way(builder, item, way))
			FAULT(builder, item,
			      "\"reach\" of person %.64s must have an output and an address each; "
			      "example: reach = { { \"voice\", \"+8613800000000\" } }",
			      tree->key);
		else if (config_find_output(builder->config, way->output) == NULL)
			FAULT(builder, item,
			      "\"reach\" of person %.64s names \"%.64s\", which is no output of "
			      "the site",
			      tree->key, way->output);
	}
}

static bool read_clock(struct config_builder *builder, const struct tree *quiet, const char *person,
		       const char *name, int64_t *out_ms)
{
	const struct tree *node = tree_get(quiet, name);

	if (local_clock_parse(node->text, out_ms))
		return true;
	FAULT(builder, node,
	      "\"%s\" of the quiet hours of person %.64s must be a clock time from 00:00 to 24:00, "
	      "found \"%.40s\"; example: quiet = { from = \"22:00\", to = \"08:00\" }",
	      name, person, node->text);
	return false;
}

static void read_quiet(struct config_builder *builder, const struct tree *tree,
		       struct oncall_person *person)
{
	const struct tree *quiet = tree_get(tree, "quiet"), *days;

	if (quiet == NULL ||
	    options_check(quiet, quiet_rows, builder->file, "the quiet hours", builder->report) > 0)
		return;
	person->quiet_days = EVERY_DAY;
	days = tree_get(quiet, "days");
	if (days != NULL && !local_weekdays_parse(days->text, &person->quiet_days))
		FAULT(builder, days,
		      "\"days\" of the quiet hours of person %.64s must have mon, tue, wed, thu, "
		      "fri, sat, sun, found \"%.64s\"; example: days = \"mon-fri\"",
		      tree->key, days->text);
	person->has_quiet = read_clock(builder, quiet, tree->key, "from", &person->quiet_from_ms) &&
			    read_clock(builder, quiet, tree->key, "to", &person->quiet_to_ms);
	if (person->has_quiet &&
	    (person->quiet_from_ms == LOCAL_DAY_MS || person->quiet_from_ms == person->quiet_to_ms))
		FAULT(builder, quiet,
		      "the quiet hours of person %.64s are none; over midnight is from = "
		      "\"22:00\", to = \"08:00\"",
		      tree->key);
}

static void read_roles(struct config_builder *builder, const struct tree *tree,
		       struct oncall_person *person)
{
	const struct tree *roles = tree_get(tree, "roles");

	if (roles == NULL)
		return;
	if (roles->child_count == 0 || roles->child_count > PERSON_ROLES_MAX)
		FAULT(builder, roles, "\"roles\" of person %.64s must have 1 to %d names, found %u",
		      tree->key, PERSON_ROLES_MAX, roles->child_count);
	for (const struct tree *item = roles->first; item != NULL; item = item->next)
		if (!config_is_name(item->text))
			FAULT(builder, item,
			      "\"roles\" of person %.64s must have names of letters, digits, _ - "
			      "and ., found \"%.64s\"; example: roles = { \"commander\" }",
			      tree->key, item->text);
	person->roles = config_copy_texts(builder->config, roles, &person->role_count);
}

static void read_person(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	struct oncall_person *person = &config->people[config->person_count];

	if (options_check(tree, config_person_rows, builder->file, "a person", builder->report) > 0)
		return;
	person->id = config_copy_text(config, tree->key);
	person->name = config_copy_text(config, option_text(tree, "name", tree->key));
	person->language = config_copy_text(config, option_text(tree, "language", NULL));
	read_zone(builder, tree, person);
	read_roles(builder, tree, person);
	read_reach(builder, tree, person);
	read_quiet(builder, tree, person);
	config->person_count++;
}

void config_each_named(struct config_builder *builder, const struct tree *map, unsigned max,
		       const char *example,
		       void (*read_one)(struct config_builder *builder, const struct tree *tree))
{
	if (map->child_count > max) {
		FAULT(builder, map, "the site has %u %s; at most %u are allowed", map->child_count,
		      map->key, max);
		return;
	}
	for (const struct tree *item = map->first; item != NULL; item = item->next)
		if (item->key != NULL && tree_is_map(item) && config_is_name(item->key))
			read_one(builder, item);
		else
			FAULT(builder, item, "\"%s\" must have entries such as %s", map->key,
			      example);
}

void config_read_people(struct config_builder *builder, const struct tree *people)
{
	struct config *config = builder->config;

	if (people == NULL)
		return;
	config->people =
		arena_zalloc(&config->arena, (people->child_count + 1) * sizeof(*config->people));
	config_each_named(builder, people, CONFIG_PEOPLE_MAX, "wang = { name = \"Wang Wei\" }",
			  read_person);
}

void config_people_deinit(struct config *config)
{
	for (uint32_t i = 0; i < config->person_count; i++)
		if (config->people[i].owns_zone)
			zone_free(config->people[i].zone);
}

const struct oncall_person *config_find_person(const struct config *config, const char *id)
{
	for (uint32_t i = 0; i < config->person_count; i++)
		if (strcmp(config->people[i].id, id) == 0)
			return &config->people[i];
	return NULL;
}
