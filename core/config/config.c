#include "core/config/config.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config_internal.h"
#include "core/lookup/lookup.h"
#include "core/model/zone.h"
#include "core/oncall/schedule.h"

#include <string.h>

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
	 .rows = config_listen_rows},
	{.name = "retention",
	 .type = OPTION_TABLE,
	 .example = "{ fine = \"1d\", day = \"30d\" }",
	 .help = "how long results are kept",
	 .rows = config_retention_rows},
	{.name = "exec",
	 .type = OPTION_TABLE,
	 .example = "{ allow = { \"/usr/bin/true\" } }",
	 .help = "programs that plans may run",
	 .rows = config_allow_rows},
	{.name = "http",
	 .type = OPTION_TABLE,
	 .example = "{ allow = { \"example.org:443\" } }",
	 .help = "hosts that plans may call",
	 .rows = config_allow_rows},
	{.name = "secrets",
	 .type = OPTION_TABLE,
	 .example = "{ gateway = { env = \"GATEWAY_TOKEN\" } }",
	 .help = "what plans may send without seeing it: ctx:secret(name)",
	 .rows = config_secret_rows,
	 .is_named = true},
	{.name = "links",
	 .type = OPTION_TABLE,
	 .example = "{ url = \"https://tocsin.example.com\", "
		    "secret = { file = \"/etc/tocsin/links.key\" } }",
	 .help = "links in messages that answer what a plan asks",
	 .rows = config_link_rows},
	{.name = "load",
	 .type = OPTION_TABLE,
	 .example = "{ allow = { \"pay.test:8080\" }, rate = 100 }",
	 .help = "what plans may test with load.run",
	 .rows = config_load_rows},
	{.name = "databases",
	 .type = OPTION_TABLE,
	 .example = "{ pay = { sqlite = \"/var/lib/pay/pay.db\" } }",
	 .help = "what plans may ask with sql.query",
	 .rows = config_database_rows,
	 .is_named = true},
	{.name = "tickets",
	 .type = OPTION_TABLE,
	 .example = "{ ops = { url = \"https://tickets.example.com/api/issues\" } }",
	 .help = "where plans make tickets with ticket.create",
	 .rows = config_ticket_rows,
	 .is_named = true},
	{.name = "groups",
	 .type = OPTION_TABLE,
	 .example = "{ war = { kind = \"wecom\", app = \"ww0123\", … } }",
	 .help = "where plans open chats with group.create",
	 .rows = config_chat_rows,
	 .is_named = true},
	{.name = "drill",
	 .type = OPTION_TABLE,
	 .example = "{ outputs = { ops = \"drill_ops\" } }",
	 .help = "what a drill of a plan reaches in the place of the real targets",
	 .rows = config_drill_rows},
	{.name = "risk",
	 .type = OPTION_TABLE,
	 .example = "{ high = \"ask\", medium = \"tell\", to = { \"ops\" } }",
	 .help = "what plans may do by themselves, by their risk",
	 .rows = config_risk_rows},
	{.name = "storage",
	 .type = OPTION_TABLE,
	 .example = "{ sync = \"commit\" }",
	 .help = "what a commit promises",
	 .rows = config_storage_rows},
	{.name = "ingest",
	 .type = OPTION_TABLE,
	 .example = "{ readers = 2 }",
	 .help = "reader threads",
	 .rows = config_ingest_rows},
	{.name = "rules",
	 .type = OPTION_TABLE,
	 .example = "{ versions_kept = 10 }",
	 .help = "limits of rules",
	 .rows = config_rules_rows},
	{.name = "lua",
	 .type = OPTION_TABLE,
	 .example = "{ memory = 16777216 }",
	 .help = "limits of scripts",
	 .rows = config_lua_rows},
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
	 .example = "{ wang = { name = \"Wang Wei\", reach = { { \"voice\", \"+8613800000000\" } } "
		    "} }",
	 .help = "who can be on call, and how they are reached",
	 .rows = config_person_rows,
	 .is_named = true},
	{.name = "caps",
	 .type = OPTION_TABLE,
	 .example = "{ person = { voice = { { 1, \"1m\" }, { 20, \"1d\" } } }, reserve = 5 }",
	 .help = "how many pages a person and an output may have",
	 .rows = config_caps_rows},
	{.name = "schedules",
	 .type = OPTION_TABLE,
	 .example = "{ payments = { layers = { { people = { \"wang\" } } } } }",
	 .help = "who is on call at which time",
	 .rows = config_schedule_rows,
	 .is_named = true},
	{.name = "chains",
	 .type = OPTION_TABLE,
	 .example = "{ payments = { steps = { { notify = { \"schedule:payments\" } } } } }",
	 .help = "who is called, and when, while nobody acknowledges an incident",
	 .rows = config_chain_rows,
	 .is_named = true},
	{.name = "heartbeat",
	 .type = OPTION_TABLE,
	 .example = "{ url = \"https://watch.example.com/tocsin\", every = \"1m\" }",
	 .help = "a sign of life to somebody who notices when it stops",
	 .rows = config_heartbeat_rows},
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
	config_read_limits(&builder, tree);
	config_read_doors(&builder, tree);
	config_read_links(&builder, tree);
	config_read_secrets(&builder, map_or_null(tree_get(tree, "secrets")));
	config_read_sources(&builder, map_or_null(tree_get(tree, "sources")));
	config_read_outputs(&builder, map_or_null(tree_get(tree, "outputs")));
	config_read_lookups(&builder, map_or_null(tree_get(tree, "lookups")));
	config_read_categories(&builder, tree_get(tree, "categories"));
	config_read_handling(&builder, tree_get(tree, "routes"), tree_get(tree, "inhibit"));
	config_read_incidents(&builder, map_or_null(tree_get(tree, "incidents")));
	config_read_caps(&builder, map_or_null(tree_get(tree, "caps")));
	config_read_people(&builder, map_or_null(tree_get(tree, "people")));
	config_read_schedules(&builder, map_or_null(tree_get(tree, "schedules")));
	config_read_actions(&builder, tree);
	config_read_risk(&builder, tree);
	config_read_chains(&builder, map_or_null(tree_get(tree, "chains")));
	config_read_heartbeat(&builder, tree);
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
	config_people_deinit(config);
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
