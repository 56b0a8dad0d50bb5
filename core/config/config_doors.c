#include "core/config/config_internal.h"

#include "core/base/report.h"

#include <stdio.h>
#include <string.h>

const struct option config_listen_rows[] = {
	{.name = "http",
	 .type = OPTION_ANY,
	 .example = "\"127.0.0.1:8787\"",
	 .help = "address of the HTTP listener, or false"},
	{.name = "control",
	 .type = OPTION_TEXT,
	 .example = "\"/run/tocsin/control.sock\"",
	 .help = "path of the control socket"},
	{.name = "token",
	 .type = OPTION_TEXT,
	 .example = "\"file:/etc/tocsin/token\"",
	 .help = "bearer token of the HTTP listener"},
	{.name = NULL},
};

const struct option config_allow_rows[] = {
	{.name = "allow",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"/usr/bin/true\" }",
	 .help = "what is allowed"},
	{.name = NULL},
};

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 ||
	       strncmp(address, "localhost:", 10) == 0;
}

static void read_listen(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	const struct tree *listen = config_section(builder, tree, "listen", config_listen_rows);
	const struct tree *http = tree_get(listen, "http");
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (listen == NULL)
		return;
	config->token = config_copy_text(config, option_text(listen, "token", NULL));
	config->listen_control = config_copy_text(config, option_text(listen, "control", NULL));
	if (config->token != NULL && config->token[0] == '\0')
		report_add(builder->report, builder->file, tree_get(listen, "token")->line,
			   "\"token\" of listen must not be empty; example: "
			   "token = \"file:/etc/tocsin/token\"");
	if (http == NULL)
		return;
	if (http->type == TREE_BOOL && !http->boolean) {
		config->listen_http = NULL;
		return;
	}
	if (http->type != TREE_STRING || !config_is_address(http->text)) {
		report_add(builder->report, builder->file, http->line,
			   "\"http\" of listen must be host:port or false, found %s; example: "
			   "http = \"127.0.0.1:8787\"",
			   tree_describe(http, found));
		return;
	}
	config->listen_http = config_copy_text(config, http->text);
	if (!is_loopback(http->text) && config->token == NULL)
		report_add(builder->report, builder->file, http->line,
			   "\"http\" of listen is %s, which other machines can reach: it needs a "
			   "token; example: token = \"file:/etc/tocsin/token\"; without one only "
			   "127.0.0.1, [::1] and localhost are allowed",
			   http->text);
}

static void read_exec(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	const struct tree *exec = config_section(builder, tree, "exec", config_allow_rows);
	const struct tree *allow = tree_get(exec, "allow");

	if (allow == NULL)
		return;
	config->exec_allow = config_copy_texts(config, allow, &config->exec_allow_count);
	for (const struct tree *item = allow->first; item != NULL; item = item->next)
		if (item->text[0] != '/' || strstr(item->text, "/../") != NULL)
			report_add(builder->report, builder->file, item->line,
				   "\"allow\" of exec must have absolute paths of programs without "
				   "\"..\", found \"%.200s\"; example: \"/usr/bin/true\"",
				   item->text);
}

bool config_is_host(const char *text)
{
	char with_port[300];

	if (config_is_address(text))
		return true;
	if (snprintf(with_port, sizeof(with_port), "%s:1", text) >= (int)sizeof(with_port))
		return false;
	return (text[0] == '[' || strchr(text, ':') == NULL) && config_is_address(with_port);
}

static void read_http(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	const struct tree *http = config_section(builder, tree, "http", config_allow_rows);
	const struct tree *allow = tree_get(http, "allow");

	if (allow == NULL)
		return;
	config->http_allow = config_copy_texts(config, allow, &config->http_allow_count);
	for (const struct tree *item = allow->first; item != NULL; item = item->next)
		if (!config_is_host(item->text))
			report_add(builder->report, builder->file, item->line,
				   "\"allow\" of http must have hosts, as host or host:port, found "
				   "\"%.200s\"; example: \"example.org:443\"",
				   item->text);
}

void config_read_doors(struct config_builder *builder, const struct tree *site)
{
	read_listen(builder, site);
	read_exec(builder, site);
	read_http(builder, site);
}
