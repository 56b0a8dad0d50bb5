/* Where ticket.create sends what it has to say, and how the answer is read. */
#include "core/config/config_actions.h"

#include "core/base/report.h"
#include "core/config/config_internal.h"
#include "core/config/tree_json.h"

#include <jansson.h>

#include <string.h>

enum { HEADERS_MAX = 12, BODY_BYTES_MAX = 8192 };

static const char *const methods[] = {"POST", "PUT", NULL};
const struct option config_ticket_rows[] = {
	{.name = "url",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"https://tickets.example.com/api/issues\"",
	 .help = "where a ticket is made"},
	{.name = "method",
	 .type = OPTION_CHOICE,
	 .choices = methods,
	 .example = "\"POST\"",
	 .help = "default POST"},
	{.name = "headers",
	 .type = OPTION_TABLE,
	 .example = "{ Authorization = { env = \"TICKET_TOKEN\" } }",
	 .help = "texts, or { env = … }, { file = … }"},
	{.name = "body",
	 .type = OPTION_TABLE,
	 .example = "{ summary = \"{title}\", external = \"{key}\" }",
	 .help = "sent as JSON; {title}, {text}, {key}, {incident}, {run} and the step's fields"},
	{.name = "id",
	 .type = OPTION_TEXT,
	 .example = "\"data.id\"",
	 .help = "where the answer has the number of the ticket; default \"id\""},
	{.name = "link",
	 .type = OPTION_TEXT,
	 .example = "\"https://tickets.example.com/{id}\"",
	 .help = "what people open"},
	{.name = "find",
	 .type = OPTION_TEXT,
	 .example = "\"https://tickets.example.com/api/issues?external={key}\"",
	 .help = "asked before a ticket is made: is it there already?"},
	{.name = "find_id",
	 .type = OPTION_TEXT,
	 .example = "\"issues.1.id\"",
	 .help = "where the answer of find has the number; default as id"},
	{.name = "idempotent",
	 .type = OPTION_BOOL,
	 .example = "true",
	 .help = "the system makes one ticket of a {key}, however often it is told"},
	{.name = NULL},
};

static void check_urls(struct config_builder *builder, const struct tree *tree)
{
	static const char *const names[] = {"url", "find", "link", NULL};

	for (int i = 0; names[i] != NULL; i++) {
		const struct tree *node = tree_get(tree, names[i]);

		if (node != NULL && !config_is_url(node->text))
			report_add(builder->report, builder->file, node->line,
				   "\"%s\" of ticket %.64s must be an http or https URL, found "
				   "\"%.200s\"",
				   names[i], tree->key, node->text);
	}
}

static void read_headers(struct config_builder *builder, const struct tree *tree,
			 struct config_ticket *ticket)
{
	const struct tree *headers = tree_get(tree, "headers");
	struct config_header *rows;
	const char *owner;

	if (headers == NULL)
		return;
	if (headers->child_count > HEADERS_MAX || !tree_is_map(headers)) {
		report_add(builder->report, builder->file, headers->line,
			   "\"headers\" of ticket %.64s must be a table of at most %d", tree->key,
			   HEADERS_MAX);
		return;
	}
	owner = arena_format(&builder->config->arena, "ticket %s", tree->key);
	rows = arena_zalloc(&builder->config->arena, (headers->child_count + 1) * sizeof(*rows));
	for (const struct tree *child = headers->first; child != NULL; child = child->next) {
		struct config_header *row = &rows[ticket->header_count++];

		if (!config_is_header_name(child->key))
			report_add(builder->report, builder->file, child->line,
				   "\"headers\" of ticket %.64s may not have \"%.64s\"", tree->key,
				   child->key);
		row->name = config_copy_text(builder->config, child->key);
		row->value = config_secret_of(builder, child, child->key, owner);
	}
	ticket->headers = rows;
}

static void read_body(struct config_builder *builder, const struct tree *tree,
		      struct config_ticket *ticket)
{
	const struct tree *node = tree_get(tree, "body");
	json_t *json = node != NULL ? tree_to_json(node)
				    : json_pack("{s:s, s:s, s:s, s:s}", "title", "{title}", "text",
						"{text}", "incident", "{incident}", "key", "{key}");
	char *text = json_is_object(json) ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (text != NULL && strlen(text) <= BODY_BYTES_MAX)
		ticket->body_json = config_copy_text(builder->config, text);
	else
		report_add(builder->report, builder->file, node != NULL ? node->line : tree->line,
			   "\"body\" of ticket %.64s must be a table of texts, numbers and tables "
			   "with names, at most %d bytes as JSON; example: body = { summary = "
			   "\"{title}\" }",
			   tree->key, BODY_BYTES_MAX);
	free(text);
	json_decref(json);
}

static void read_ticket(struct config_builder *builder, const struct tree *tree,
			struct config_actions *actions)
{
	struct config_ticket *ticket = &actions->tickets[actions->ticket_count];
	struct config *config = builder->config;

	if (!tree_is_map(tree) || tree->key == NULL || !config_is_name(tree->key)) {
		report_add(builder->report, builder->file, tree->line,
			   "a ticket system must be name = { url = … }; example: ops = { url = "
			   "\"https://tickets.example.com/api/issues\" }");
		return;
	}
	if (options_check(tree, config_ticket_rows, builder->file, "a ticket system",
			  builder->report) > 0)
		return;
	check_urls(builder, tree);
	ticket->name = config_copy_text(config, tree->key);
	ticket->url = config_copy_text(config, option_text(tree, "url", ""));
	ticket->method = config_copy_text(config, option_text(tree, "method", "POST"));
	ticket->id = config_copy_text(config, option_text(tree, "id", "id"));
	ticket->link = config_copy_text(config, option_text(tree, "link", NULL));
	ticket->find = config_copy_text(config, option_text(tree, "find", NULL));
	ticket->find_id = config_copy_text(config, option_text(tree, "find_id", ticket->id));
	ticket->is_idempotent = option_bool(tree, "idempotent", false) || ticket->find != NULL;
	read_headers(builder, tree, ticket);
	read_body(builder, tree, ticket);
	actions->ticket_count++;
}

void config_read_tickets(struct config_builder *builder, const struct tree *site,
			 struct config_actions *actions)
{
	const struct tree *section = tree_get(site, "tickets");

	if (section == NULL || !tree_is_map(section) || section->child_count == 0)
		return;
	if (section->child_count > CONFIG_TICKETS_MAX) {
		report_add(builder->report, builder->file, section->line,
			   "the site has %u ticket systems; at most %d are allowed",
			   section->child_count, CONFIG_TICKETS_MAX);
		return;
	}
	actions->tickets = arena_zalloc(&builder->config->arena,
					section->child_count * sizeof(*actions->tickets));
	for (const struct tree *item = section->first; item != NULL; item = item->next)
		read_ticket(builder, item, actions);
}

const struct config_ticket *config_find_ticket(const struct config *config, const char *name)
{
	const struct config_actions *actions = config_actions(config);

	for (uint32_t i = 0; i < actions->ticket_count; i++)
		if (strcmp(actions->tickets[i].name, name) == 0)
			return &actions->tickets[i];
	return NULL;
}
