#include "core/config/config_internal.h"

#include "core/base/report.h"

#include <string.h>

#define HOUR_MS 3600000.0

const struct option config_link_rows[] = {
	{.name = "url",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"https://tocsin.example.com\"",
	 .help = "where people's browsers reach the HTTP listener"},
	{.name = "secret",
	 .type = OPTION_TABLE,
	 .is_required = true,
	 .example = "{ file = \"/etc/tocsin/links.key\" }",
	 .help = "key of the signatures, 16 bytes or more",
	 .rows = config_secret_rows},
	{.name = "expires",
	 .type = OPTION_SPAN,
	 .min = HOUR_MS / 60,
	 .max = 30 * 24 * HOUR_MS,
	 .example = "\"24h\"",
	 .help = "a link holds so long, and no longer than its question"},
	{.name = NULL},
};

/** Whoever sees a link can use it, so it must not cross a network in the open. */
static bool is_good_url(const char *url)
{
	static const char *const starts[] = {"https://", "http://127.0.0.1", "http://[::1]",
					     "http://localhost"};
	size_t length = strlen(url);

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		size_t start = strlen(starts[i]);
		char next;

		if (strncmp(url, starts[i], start) != 0)
			continue;
		next = url[start];
		return length < 200 && url[length - 1] != '/' &&
		       strpbrk(url, " \t\r\n\"'<>\\?#") == NULL &&
		       (i == 0 ? next != '\0' && next != '/'
			       : next == '\0' || next == ':' || next == '/');
	}
	return false;
}

static const char *read_key(struct config_builder *builder, const struct tree *node)
{
	const struct tree *part;

	if (options_check(node, config_secret_rows, builder->file, "secret of links",
			  builder->report) > 0)
		return NULL;
	part = node->first;
	if (part != NULL && part->next == NULL && part->text_length > 0 &&
	    (strcmp(part->key, "env") == 0 || part->text[0] == '/'))
		return arena_format(&builder->config->arena, "%s:%s", part->key, part->text);
	report_add(builder->report, builder->file, node->line,
		   "\"secret\" of links must be either { env = \"NAME\" } or "
		   "{ file = \"/path\" }");
	return NULL;
}

void config_read_links(struct config_builder *builder, const struct tree *site)
{
	struct config *config = builder->config;
	const struct tree *links = config_section(builder, site, "links", config_link_rows);
	const struct tree *url = tree_get(links, "url");

	if (links == NULL)
		return;
	if (!is_good_url(url->text))
		report_add(builder->report, builder->file, url->line,
			   "\"url\" of links must begin with https:// (http:// only for this "
			   "machine) and not end with /; example: "
			   "url = \"https://tocsin.example.com\"");
	if (config->listen_http == NULL)
		report_add(builder->report, builder->file, links->line,
			   "links need the HTTP listener, but \"http\" of listen is false");
	config->link_url = config_copy_text(config, url->text);
	config->link_secret = read_key(builder, tree_get(links, "secret"));
	config->link_expires_ms = option_span_ms(links, "expires", 24 * (int64_t)HOUR_MS);
}
