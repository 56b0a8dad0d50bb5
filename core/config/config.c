#include "core/config/config.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config_internal.h"
#include "core/lookup/lookup.h"
#include "core/model/zone.h"
#include "core/oncall/schedule.h"

#include <string.h>

static const struct option listen_rows[] = {
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

static const struct option retention_rows[] = {
	{.name = "fine",
	 .type = OPTION_SPAN,
	 .min = 3600000,
	 .max = 31536000000.0,
	 .example = "\"1d\"",
	 .help = "finest grain"},
	{.name = "day",
	 .type = OPTION_SPAN,
	 .min = 86400000,
	 .max = 315360000000.0,
	 .example = "\"30d\"",
	 .help = "rows of a day"},
	{.name = NULL},
};

static const struct option allow_rows[] = {
	{.name = "allow",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"/usr/bin/true\" }",
	 .help = "what is allowed"},
	{.name = NULL},
};

static const char *const sync_choices[] = {"commit", "interval", "os", NULL};
static const struct option storage_rows[] = {
	{.name = "sync",
	 .type = OPTION_CHOICE,
	 .choices = sync_choices,
	 .example = "\"commit\"",
	 .help = "when data is forced to disk"},
	{.name = NULL},
};

static const struct option ingest_rows[] = {
	{.name = "readers",
	 .type = OPTION_INT,
	 .min = 0,
	 .max = 64,
	 .example = "2",
	 .help = "reader threads; 0 = none, on the loop"},
	{.name = NULL},
};

static const struct option rules_rows[] = {
	{.name = "versions_kept",
	 .type = OPTION_INT,
	 .min = 1,
	 .max = 1000,
	 .example = "10",
	 .help = "versions kept of each rule"},
	{.name = "keys_max",
	 .type = OPTION_INT,
	 .min = 1,
	 .max = 10000000,
	 .example = "100000",
	 .help = "dimension values of one metric"},
	{.name = NULL},
};

static const struct option lua_rows[] = {
	{.name = "memory",
	 .type = OPTION_INT,
	 .min = 262144,
	 .max = 1073741824,
	 .example = "16777216",
	 .help = "bytes of one script"},
	{.name = "instructions",
	 .type = OPTION_INT,
	 .min = 10000,
	 .max = 10000000000.0,
	 .example = "5000000",
	 .help = "instructions of one call"},
	{.name = "call_ms",
	 .type = OPTION_INT,
	 .min = 1,
	 .max = 10000,
	 .example = "50",
	 .help = "milliseconds of one call"},
	{.name = "errors_max",
	 .type = OPTION_INT,
	 .min = 1,
	 .max = 1000,
	 .example = "3",
	 .help = "errors in a row before quarantine"},
	{.name = NULL},
};

static const struct option site_rows[] = {
	{.name = "timezone",
	 .type = OPTION_TEXT,
	 .example = "\"Asia/Shanghai\"",
	 .help = "zone of the times in zh documents"},
	{.name = "sources",
	 .type = OPTION_TABLE,
	 .example = "{ pay = { from = { … } } }",
	 .help = "where data comes from",
	 .rows = config_source_rows,
	 .is_named = true},
	{.name = "outputs",
	 .type = OPTION_TABLE,
	 .example = "{ alerts = { file = \"alerts.jsonl\" } }",
	 .help = "where alerts go",
	 .rows = config_output_rows,
	 .is_named = true},
	{.name = "listen",
	 .type = OPTION_TABLE,
	 .example = "{ http = \"127.0.0.1:8787\" }",
	 .help = "addresses of the daemon",
	 .rows = listen_rows},
	{.name = "retention",
	 .type = OPTION_TABLE,
	 .example = "{ fine = \"1d\", day = \"30d\" }",
	 .help = "how long results are kept",
	 .rows = retention_rows},
	{.name = "exec",
	 .type = OPTION_TABLE,
	 .example = "{ allow = { \"/usr/bin/true\" } }",
	 .help = "programs that plans may run",
	 .rows = allow_rows},
	{.name = "http",
	 .type = OPTION_TABLE,
	 .example = "{ allow = { \"example.org:443\" } }",
	 .help = "hosts that plans may call",
	 .rows = allow_rows},
	{.name = "secrets",
	 .type = OPTION_TABLE,
	 .example = "{ gateway = { env = \"GATEWAY_TOKEN\" } }",
	 .help = "what plans may send without seeing it: ctx:secret(name)",
	 .rows = config_secret_rows,
	 .is_named = true},
	{.name = "storage",
	 .type = OPTION_TABLE,
	 .example = "{ sync = \"commit\" }",
	 .help = "what a commit promises",
	 .rows = storage_rows},
	{.name = "ingest",
	 .type = OPTION_TABLE,
	 .example = "{ readers = 2 }",
	 .help = "reader threads",
	 .rows = ingest_rows},
	{.name = "rules",
	 .type = OPTION_TABLE,
	 .example = "{ versions_kept = 10 }",
	 .help = "limits of rules",
	 .rows = rules_rows},
	{.name = "lua",
	 .type = OPTION_TABLE,
	 .example = "{ memory = 16777216 }",
	 .help = "limits of scripts",
	 .rows = lua_rows},
	{.name = "categories",
	 .type = OPTION_ANY,
	 .example = "{ restaurants = { parent = \"offline\", members = { \"m0001\" } } }",
	 .help = "the tree of business categories",
	 .rows = config_category_rows,
	 .is_named = true},
	{.name = "lookups",
	 .type = OPTION_TABLE,
	 .example = "{ vip = { csv = \"lookups/vip.csv\" } }",
	 .help = "tables that rules look keys up in",
	 .rows = config_lookup_rows,
	 .is_named = true},
	{.name = "routes",
	 .type = OPTION_LIST,
	 .example = "{ { match = { severity = \"critical\" }, outputs = { \"ops\" } } }",
	 .help = "which alert goes to which outputs",
	 .rows = config_route_rows},
	{.name = "inhibit",
	 .type = OPTION_LIST,
	 .example = "{ { source = { rule = \"a\" }, target = { rule = \"b\" } } }",
	 .help = "which alerts keep others quiet",
	 .rows = config_inhibit_rows},
	{.name = "incidents",
	 .type = OPTION_TABLE,
	 .example = "{ ack_timeout = \"30m\", siblings = { count = 3, within = \"10m\" } }",
	 .help = "how alerts become incidents, and what time does to them",
	 .rows = config_incident_rows},
	{.name = "people",
	 .type = OPTION_TABLE,
	 .example = "{ wang = { name = \"Wang Wei\" } }",
	 .help = "who can be on call",
	 .rows = config_person_rows,
	 .is_named = true},
	{.name = "schedules",
	 .type = OPTION_TABLE,
	 .example = "{ payments = { layers = { { people = { \"wang\" } } } } }",
	 .help = "who is on call at which time",
	 .rows = config_schedule_rows,
	 .is_named = true},
	{.name = "category_field",
	 .type = OPTION_TEXT,
	 .example = "\"merchantId\"",
	 .help = "field whose values are members of categories"},
	{.name = NULL},
};

const struct option *config_options(void)
{
	return site_rows;
}

/** The section, when it is there and without faults. */
static const struct tree *section(struct config_builder *builder, const struct tree *tree,
				  const char *name, const struct option *rows)
{
	const struct tree *found = tree_get(tree, name);

	if (found == NULL || !tree_is_map(found) ||
	    options_check(found, rows, builder->file, name, builder->report) > 0)
		return NULL;
	return found;
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 ||
	       strncmp(address, "localhost:", 10) == 0;
}

static void read_listen(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	const struct tree *listen = section(builder, tree, "listen", listen_rows);
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
	const struct tree *exec = section(builder, tree, "exec", allow_rows);
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

static bool is_host_or_address(const char *text)
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
	const struct tree *http = section(builder, tree, "http", allow_rows);
	const struct tree *allow = tree_get(http, "allow");

	if (allow == NULL)
		return;
	config->http_allow = config_copy_texts(config, allow, &config->http_allow_count);
	for (const struct tree *item = allow->first; item != NULL; item = item->next)
		if (!is_host_or_address(item->text))
			report_add(builder->report, builder->file, item->line,
				   "\"allow\" of http must have hosts, as host or host:port, found "
				   "\"%.200s\"; example: \"example.org:443\"",
				   item->text);
}

static int sync_index(const char *text)
{
	int index = 0;

	while (sync_choices[index] != NULL && strcmp(sync_choices[index], text) != 0)
		index++;
	return index;
}

static void read_limits(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	const struct tree *part = section(builder, tree, "retention", retention_rows);

	config->retention_fine_ms = option_span_ms(part, "fine", 86400000);
	config->retention_day_ms = option_span_ms(part, "day", INT64_C(30) * 86400000);
	if (config->retention_fine_ms > config->retention_day_ms)
		report_add(builder->report, builder->file, tree_get(part, "fine")->line,
			   "\"fine\" of retention must not be longer than \"day\", which is %s, "
			   "found \"%.40s\"; example: fine = \"1d\"",
			   option_text(part, "day", "30d"), option_text(part, "fine", ""));
	part = section(builder, tree, "storage", storage_rows);
	config->sync = sync_index(option_text(part, "sync", "commit"));
	part = section(builder, tree, "ingest", ingest_rows);
	config->readers = (uint32_t)option_int(part, "readers", 1);
	part = section(builder, tree, "rules", rules_rows);
	config->versions_kept = (uint32_t)option_int(part, "versions_kept", 10);
	config->keys_max = (uint32_t)option_int(part, "keys_max", 100000);
	part = section(builder, tree, "lua", lua_rows);
	config->lua.memory_bytes = option_int(part, "memory", 16 * 1024 * 1024);
	config->lua.instructions = option_int(part, "instructions", 5000000);
	config->lua.call_ms = option_int(part, "call_ms", 50);
	config->lua.errors_max = (uint32_t)option_int(part, "errors_max", 3);
}

static void read_timezone(struct config_builder *builder, const struct tree *tree)
{
	const struct tree *node = tree_get(tree, "timezone");
	struct err_note why = {0};
	struct zone *zone;

	builder->config->timezone =
		config_copy_text(builder->config, option_text(tree, "timezone", "UTC"));
	if (node == NULL || node->type != TREE_STRING)
		return;
	if (zone_open(&zone, node->text, &why) == 0)
		zone_free(zone);
	else
		report_add(builder->report, builder->file, node->line,
			   "\"timezone\" of the site must be the name of an IANA zone, found "
			   "\"%.100s\": %s; example: timezone = \"Asia/Shanghai\"",
			   node->text, why.text);
}

static const struct tree *map_or_null(const struct tree *tree)
{
	return tree != NULL && tree_is_map(tree) ? tree : NULL;
}

struct config *config_new(const struct tree *tree, const char *file, struct report *report)
{
	struct config *config = mem_alloc(sizeof(*config));
	struct config_builder builder = {config, file, report};
	size_t faults_before = report->count + report->dropped_count;

	arena_init(&config->arena);
	config->reference_count = 1;
	config->file = config_copy_text(config, file);
	config->listen_http = "127.0.0.1:8787";
	if (tree != NULL)
		options_check(tree, site_rows, file, "the site", report);
	read_timezone(&builder, tree);
	config->category_field =
		config_copy_text(config, option_text(tree, "category_field", "merchantId"));
	read_limits(&builder, tree);
	read_listen(&builder, tree);
	read_exec(&builder, tree);
	read_http(&builder, tree);
	config_read_secrets(&builder, map_or_null(tree_get(tree, "secrets")));
	config_read_sources(&builder, map_or_null(tree_get(tree, "sources")));
	config_read_outputs(&builder, map_or_null(tree_get(tree, "outputs")));
	config_read_categories(&builder, tree_get(tree, "categories"));
	config_read_handling(&builder, tree_get(tree, "routes"), tree_get(tree, "inhibit"));
	config_read_incidents(&builder, map_or_null(tree_get(tree, "incidents")));
	config_read_oncall(&builder, map_or_null(tree_get(tree, "people")),
			   map_or_null(tree_get(tree, "schedules")));
	config_read_lookups(&builder, map_or_null(tree_get(tree, "lookups")));
	if (report->count + report->dropped_count > faults_before) {
		config_unref(config);
		return NULL;
	}
	return config;
}

struct config *config_ref(struct config *config)
{
	__atomic_add_fetch(&config->reference_count, 1, __ATOMIC_RELAXED);
	return config;
}

void config_unref(struct config *config)
{
	if (config == NULL || __atomic_sub_fetch(&config->reference_count, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	config_handling_deinit(config);
	for (uint32_t i = 0; i < config->schedule_count; i++)
		zone_free(config->schedules[i].zone);
	for (uint32_t i = 0; i < config->source_count; i++)
		schema_deinit(&config->sources[i].schema);
	for (uint32_t i = 0; i < config->lookup_count; i++)
		lookup_unref(config->lookups[i].lookup);
	arena_deinit(&config->arena);
	mem_free(config);
}

const struct config_source *config_find_source(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->source_count; i++)
		if (strcmp(config->sources[i].name, name) == 0)
			return &config->sources[i];
	return NULL;
}

const struct config_output *config_find_output(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->output_count; i++)
		if (strcmp(config->outputs[i].name, name) == 0)
			return &config->outputs[i];
	return NULL;
}
