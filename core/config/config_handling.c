#include "core/config/config_handling.h"

#include "core/base/bytes.h"
#include "core/base/report.h"
#include "core/config/config_internal.h"

#include <string.h>

const struct option config_route_rows[] = {
	{.name = "name",
	 .type = OPTION_TEXT,
	 .example = "\"pager\"",
	 .help = "how records of alerts call the route"},
	{.name = "match",
	 .type = OPTION_TABLE,
	 .example = "{ severity = \"critical\" }",
	 .help = "which alerts take the route; default: all"},
	{.name = "outputs",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"alerts\" }",
	 .help = "where they go; default: the rule's output"},
	{.name = "continue",
	 .type = OPTION_BOOL,
	 .example = "true",
	 .help = "the routes after it are asked too"},
	{.name = "group",
	 .type = OPTION_TABLE,
	 .example = "{ by = { \"rule\" }, wait = \"30s\", interval = \"5m\" }",
	 .help = "one document for alerts that belong together",
	 .rows = config_group_rows},
	{.name = "repeat_every",
	 .type = OPTION_SPAN,
	 .min = 60000,
	 .max = 30.0 * 86400000,
	 .example = "\"4h\"",
	 .help = "what is still open is told again, that long after it was told"},
	{.name = NULL},
};

const struct option config_group_rows[] = {
	{.name = "by",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"rule\", \"merchantId\" }",
	 .help = "what the alerts of a group have in common; default: nothing"},
	{.name = "wait",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 3600000,
	 .example = "\"30s\"",
	 .help = "time for a new group to gather"},
	{.name = "interval",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 86400000,
	 .example = "\"5m\"",
	 .help = "least time between two documents of a group"},
	{.name = NULL},
};

const struct option config_inhibit_rows[] = {
	{.name = "name",
	 .type = OPTION_TEXT,
	 .example = "\"gateway\"",
	 .help = "how records of alerts call it"},
	{.name = "source",
	 .type = OPTION_TABLE,
	 .is_required = true,
	 .example = "{ rule = \"gateway_down\" }",
	 .help = "while such an alert fires"},
	{.name = "target",
	 .type = OPTION_TABLE,
	 .is_required = true,
	 .example = "{ severity = \"warning\" }",
	 .help = "such alerts are not sent"},
	{.name = "equal",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"merchantId\" }",
	 .help = "what both must have in common"},
	{.name = "settle",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 300000,
	 .example = "\"5s\"",
	 .help = "how long a target waits for its source"},
	{.name = NULL},
};

static const char *copy_name(struct config_builder *builder, const struct tree *tree,
			     const char *what)
{
	const char *name = option_text(tree, "name", NULL);

	if (name == NULL)
		return arena_copy_text(&builder->config->arena, what);
	if (!config_is_name(name))
		report_add(builder->report, builder->file, tree_get(tree, "name")->line,
			   "\"name\" of %s must be letters, digits, _ - . (at most %d), found "
			   "\"%.80s\"; example: name = \"pager\"",
			   what, CONFIG_NAME_BYTES_MAX, name);
	return config_copy_text(builder->config, name);
}

static struct match_field *copy_fields(struct config_builder *builder, const struct tree *list,
				       const char *name, const char *what, uint32_t *count)
{
	struct arena *arena = &builder->config->arena;
	struct match_field *fields;

	*count = 0;
	if (list == NULL || list->child_count == 0)
		return NULL;
	if (list->child_count > CONFIG_HANDLING_FIELDS_MAX) {
		report_add(builder->report, builder->file, list->line,
			   "\"%s\" of %s has %u names; at most %d are allowed", name, what,
			   list->child_count, CONFIG_HANDLING_FIELDS_MAX);
		return NULL;
	}
	fields = arena_zalloc(arena, list->child_count * sizeof(*fields));
	for (const struct tree *item = list->first; item != NULL; item = item->next) {
		fields[(*count)++] = match_field_of(arena, item->text);
		if (item->text[0] == '\0')
			report_add(builder->report, builder->file, item->line,
				   "\"%s\" of %s has an empty name; example: %s = { "
				   "\"merchantId\" }",
				   name, what, name);
	}
	return fields;
}

static void check_outputs(struct config_builder *builder, const struct tree *list, const char *what)
{
	if (list->child_count == 0)
		report_add(builder->report, builder->file, list->line,
			   "\"outputs\" of %s must not be empty; without it the rule's own output "
			   "is meant",
			   what);
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		config_check_output(builder, item, what);
}

static bool is_field_of_site(const struct config *config, const char *name)
{
	static const char *const own[] = {"rule", "severity", "state", "category"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(own[i], name) == 0)
			return true;
	if (strncmp(name, "dimension.", 10) == 0)
		name += 10;
	for (uint32_t i = 0; i < config->source_count; i++) {
		const struct schema *schema = &config->sources[i].schema;

		if (!schema->is_closed || schema_find(schema, name) != NULL)
			return true;
	}
	return config->source_count == 0 || strncmp(name, "labels.", 7) == 0;
}

/** What alerts have in common: each name once, and one that an alert can have. */
static void check_fields(struct config_builder *builder, const struct tree *list, const char *name,
			 const char *what)
{
	for (const struct tree *item = list != NULL ? list->first : NULL; item != NULL;
	     item = item->next) {
		for (const struct tree *other = list->first; other != item; other = other->next)
			if (strcmp(other->text, item->text) == 0)
				report_add(builder->report, builder->file, item->line,
					   "\"%s\" of %s has \"%.64s\" twice", name, what,
					   item->text);
		if (item->text[0] != '\0' && !is_field_of_site(builder->config, item->text))
			report_add(builder->report, builder->file, item->line,
				   "\"%s\" of %s: no source has a field \"%.64s\"; allowed: rule, "
				   "severity, state, category, labels.<name> and fields of the "
				   "sources",
				   name, what, item->text);
	}
}

static void read_group(struct config_builder *builder, const struct tree *tree, const char *what,
		       struct config_route *route)
{
	char group[48];

	if (tree == NULL)
		return;
	snprintf(group, sizeof(group), "group of %s", what);
	if (options_check(tree, config_group_rows, builder->file, group, builder->report) > 0)
		return;
	route->has_group = true;
	route->by = copy_fields(builder, tree_get(tree, "by"), "by", group, &route->by_count);
	check_fields(builder, tree_get(tree, "by"), "by", group);
	route->wait_ms = option_span_ms(tree, "wait", 30000);
	route->interval_ms = option_span_ms(tree, "interval", 300000);
	if (route->wait_ms == 0 && route->interval_ms == 0)
		report_add(
			builder->report, builder->file, tree->line,
			"%s gathers nothing: \"wait\" and \"interval\" are 0; give one of them a "
			"time, or leave \"group\" out",
			group);
}

/** A group cannot be told more often than its documents may follow each other. */
static void read_repeat(struct config_builder *builder, const struct tree *tree, const char *what,
			struct config_route *route)
{
	int64_t least_ms =
		route->wait_ms > route->interval_ms ? route->wait_ms : route->interval_ms;

	route->repeat_ms = option_span_ms(tree, "repeat_every", 0);
	if (route->repeat_ms == 0 || route->repeat_ms >= least_ms)
		return;
	report_add(
		builder->report, builder->file, tree_get(tree, "repeat_every")->line,
		"\"repeat_every\" of %s must not be shorter than \"wait\" and \"interval\" of its "
		"group; example: repeat_every = \"4h\"",
		what);
}

/** Of the routes or inhibitions before it, whose names are asked for by people. */
static bool is_new_name(const struct tree *list, const struct tree *tree)
{
	const char *name = option_text(tree, "name", NULL);

	for (const struct tree *other = list->first; name != NULL && other != tree;
	     other = other->next)
		if (tree_is_map(other) && strcmp(option_text(other, "name", ""), name) == 0)
			return false;
	return true;
}

static void check_name(struct config_builder *builder, const struct tree *list,
		       const struct tree *tree, const char *what)
{
	if (!is_new_name(list, tree))
		report_add(builder->report, builder->file, tree_get(tree, "name")->line,
			   "\"name\" of %s, \"%.64s\", is that of one before it: records of alerts "
			   "could not tell them apart",
			   what, option_text(tree, "name", ""));
}

/** A route for every alert is the last one, unless it lets go on. */
static void check_reach(struct config_builder *builder, const struct tree *tree,
			const struct config_route *route, const char *what)
{
	const struct tree *match = tree_get(tree, "match");

	if (match != NULL && route->match.count == 0)
		report_add(builder->report, builder->file, match->line,
			   "\"match\" of %s is empty; leave it out, then the route takes every "
			   "alert",
			   what);
	else if (match == NULL && !route->is_continued && tree->next != NULL)
		report_add(
			builder->report, builder->file, tree->line,
			"%s has no \"match\", so it takes every alert and the routes after it are "
			"never asked; put it last, or give it \"match\" or continue = true",
			what);
}

static void read_route(struct config_builder *builder, const struct tree *list,
		       const struct tree *tree, uint32_t number)
{
	struct config *config = builder->config;
	struct config_route *route = &config->routes[config->route_count];
	const struct tree *outputs;
	char what[32];

	snprintf(what, sizeof(what), "route %u", number);
	if (options_check(tree, config_route_rows, builder->file, what, builder->report) > 0 ||
	    !match_read(&route->match, &config->arena, tree_get(tree, "match"), builder->file, what,
			builder->report))
		return;
	config->route_count++;
	match_check_values(&route->match, config, builder->file, what, builder->report);
	route->name = copy_name(builder, tree, what);
	check_name(builder, list, tree, what);
	outputs = tree_get(tree, "outputs");
	if (outputs != NULL) {
		check_outputs(builder, outputs, what);
		route->outputs = config_copy_texts(config, outputs, &route->output_count);
	}
	route->is_continued = option_bool(tree, "continue", false);
	check_reach(builder, tree, route, what);
	read_group(builder, tree_get(tree, "group"), what, route);
	read_repeat(builder, tree, what, route);
}

static bool read_side(struct config_builder *builder, const struct tree *tree, const char *side,
		      const char *what, struct match *out)
{
	char name[48];

	snprintf(name, sizeof(name), "%s of %s", side, what);
	if (!match_read(out, &builder->config->arena, tree_get(tree, side), builder->file, name,
			builder->report))
		return false;
	match_check_values(out, builder->config, builder->file, name, builder->report);
	if (out->count > 0)
		return true;
	report_add(builder->report, builder->file, tree_get(tree, side)->line,
		   "%s must not be empty: it would mean every alert", name);
	return false;
}

static void read_inhibit(struct config_builder *builder, const struct tree *list,
			 const struct tree *tree, uint32_t number)
{
	struct config *config = builder->config;
	struct config_inhibit *inhibit = &config->inhibits[config->inhibit_count];
	char what[32];

	snprintf(what, sizeof(what), "inhibit %u", number);
	if (options_check(tree, config_inhibit_rows, builder->file, what, builder->report) > 0)
		return;
	config->inhibit_count++; /* from here on its regexes are freed with the configuration */
	inhibit->name = copy_name(builder, tree, what);
	check_name(builder, list, tree, what);
	read_side(builder, tree, "source", what, &inhibit->source);
	read_side(builder, tree, "target", what, &inhibit->target);
	inhibit->equal =
		copy_fields(builder, tree_get(tree, "equal"), "equal", what, &inhibit->equal_count);
	check_fields(builder, tree_get(tree, "equal"), "equal", what);
	inhibit->settle_ms = option_span_ms(tree, "settle", 5000);
}

/** Room for the entries of a list, or NULL: none, or too many. */
static void *make_room(struct config_builder *builder, const struct tree *list, const char *name,
		       uint32_t max, size_t entry_bytes)
{
	if (list == NULL || !tree_is_list(list) || list->child_count == 0)
		return NULL;
	if (list->child_count <= max)
		return arena_zalloc(&builder->config->arena, list->child_count * entry_bytes);
	report_add(builder->report, builder->file, list->line,
		   "%s has %u entries; at most %u are allowed", name, list->child_count, max);
	return NULL;
}

void config_read_handling(struct config_builder *builder, const struct tree *routes,
			  const struct tree *inhibits)
{
	struct config *config = builder->config;
	uint32_t number = 0;

	config->routes =
		make_room(builder, routes, "routes", CONFIG_ROUTES_MAX, sizeof(*config->routes));
	for (const struct tree *child = config->routes != NULL ? routes->first : NULL;
	     child != NULL; child = child->next)
		read_route(builder, routes, child, ++number);
	config->inhibits = make_room(builder, inhibits, "inhibit", CONFIG_INHIBITS_MAX,
				     sizeof(*config->inhibits));
	number = 0;
	for (const struct tree *child = config->inhibits != NULL ? inhibits->first : NULL;
	     child != NULL; child = child->next)
		read_inhibit(builder, inhibits, child, ++number);
}

void config_handling_deinit(struct config *config)
{
	for (uint32_t i = 0; i < config->route_count; i++)
		match_deinit(&config->routes[i].match);
	for (uint32_t i = 0; i < config->inhibit_count; i++) {
		match_deinit(&config->inhibits[i].source);
		match_deinit(&config->inhibits[i].target);
	}
}
