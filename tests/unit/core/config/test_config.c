#include "core/config/config.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/report.h"
#include "core/config/options.h"
#include "core/config/tree.h"

/** A site written as nested texts: see parse(). */
struct site {
	struct arena arena;
	struct report report;
	struct config *config;
	const char *at;
	int line;
};

static void skip_space(struct site *site)
{
	while (*site->at == ' ' || *site->at == '\n' || *site->at == ',') {
		site->line += *site->at == '\n';
		site->at++;
	}
}

static const char *word(struct site *site)
{
	size_t length = strcspn(site->at, " \n,={}");
	const char *text = arena_copy(&site->arena, site->at, length);

	site->at += length;
	return text;
}

/** A small reader of the declarative subset of Lua tables, independent of the host's:
 *  { a = "text", b = 7, c = true, d = { … } } and { "x", { … } }. */
static struct tree *parse(struct site *site)
{
	struct tree *tree;

	skip_space(site);
	tree = tree_new(&site->arena, TREE_NIL, site->line);
	if (*site->at == '"') {
		size_t length = strcspn(site->at + 1, "\"");

		tree->type = TREE_STRING;
		tree->text = arena_copy(&site->arena, site->at + 1, length);
		tree->text_length = (uint32_t)length;
		site->at += length + 2;
	} else if (*site->at == '{') {
		site->at++;
		tree->type = TREE_LIST;
		for (skip_space(site); *site->at != '}'; skip_space(site)) {
			const char *key = NULL;
			struct tree *child;
			int line = site->line;
			const char *before = site->at;

			if (*site->at != '"' && *site->at != '{') {
				key = word(site);
				skip_space(site);
				if (*site->at == '=')
					site->at++;
				else
					key = NULL, site->at = before;
			}
			child = parse(site);
			child->line = line;
			child->key = key;
			if (key != NULL)
				tree->type = TREE_MAP;
			tree_add(tree, child);
		}
		site->at++;
	} else {
		const char *text = word(site);

		tree->type = strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? TREE_BOOL
										     : TREE_NUMBER;
		tree->boolean = strcmp(text, "true") == 0;
		tree->number = atof(text);
	}
	return tree;
}

static struct config *load(struct site *site, const char *text)
{
	*site = (struct site){.at = text, .line = 1};
	arena_init(&site->arena);
	report_init(&site->report);
	site->config = config_new(parse(site), "tocsin.lua", &site->report);
	return site->config;
}

static void site_deinit(struct site *site)
{
	config_unref(site->config);
	report_deinit(&site->report);
	arena_deinit(&site->arena);
}

static void expect_good(struct site *site)
{
	for (size_t i = 0; i < site->report.count; i++)
		cr_log_error("%d: %s", site->report.findings[i].line,
			     site->report.findings[i].text);
	cr_assert_not_null(site->config);
}

/** Every part is in the one finding, which is at `line`. */
static void expect_fault(const char *text, int line, const char *const *parts)
{
	struct site site;
	char found[2048];

	cr_assert_null(load(&site, text), "no fault in %s", text);
	for (size_t i = 1; i < site.report.count; i++)
		cr_log_error("%s", site.report.findings[i].text);
	cr_assert_eq(site.report.count, 1, "%zu findings in %s", site.report.count, text);
	finding_format(&site.report.findings[0], found, sizeof(found));
	cr_expect_eq(site.report.findings[0].line, line, "%s", found);
	for (; *parts != NULL; parts++)
		cr_expect(strstr(found, *parts) != NULL, "\"%s\" is not in: %s", *parts, found);
	site_deinit(&site);
}
#define FAULT(text, line, ...) expect_fault(text, line, (const char *const[]){__VA_ARGS__, NULL})

Test(config, the_site_of_the_contract_is_read)
{
	struct site site;
	const struct config_source *pay, *csv;

	load(&site,
	     "{ timezone = \"Asia/Shanghai\",\n"
	     "sources = { pay = { format = \"json\", time = \"time\",\n"
	     " fields = { paymentId = \"string\", amount = \"float\", cost_time = \"int\" },\n"
	     " from = { { file = \"/var/log/pay/*.jsonl\" }, { http = true },\n"
	     "          { tcp = \"127.0.0.1:5140\" } },\n"
	     " lateness = \"5s\", idle = \"10s\", max_ahead = \"60s\" },\n"
	     " pay_csv = { format = \"csv\", columns = { \"time\", \"m\", \"amount\" } } },\n"
	     "outputs = { alerts = { file = \"alerts.jsonl\", keys = \"zh\" },\n"
	     " ops = { webhook = \"https://example.org/x\", secret = \"file:/s\" } },\n"
	     "listen = { http = \"127.0.0.1:8787\" },\n"
	     "retention = { fine = \"1d\", day = \"30d\" },\n"
	     "exec = { allow = { \"/usr/bin/true\" } } }");
	expect_good(&site);
	pay = config_find_source(site.config, "pay");
	csv = config_find_source(site.config, "pay_csv");
	cr_assert(pay != NULL && csv != NULL);
	cr_expect_eq(pay->from_count, 3);
	cr_expect_eq(pay->from[2].kind, FROM_TCP);
	cr_expect_str_eq(pay->from[0].text, "/var/log/pay/*.jsonl");
	cr_expect(pay->schema.is_closed);
	cr_expect_eq(schema_find(&pay->schema, "amount")->type, FIELD_FLOAT);
	cr_expect(csv->is_csv);
	cr_expect_eq(csv->delimiter, ',');
	cr_expect_eq(csv->column_count, 3);
	cr_expect_eq(csv->lateness_ms, 5000);
	cr_expect(csv->schema.is_closed);
	cr_expect_not_null(schema_find(&csv->schema, "m"));
	cr_expect(config_find_output(site.config, "alerts")->has_zh_keys);
	cr_expect_eq(config_find_output(site.config, "ops")->kind, OUTPUT_WEBHOOK);
	cr_expect_eq(config_find_output(site.config, "ops")->timeout_ms, 10000);
	cr_expect_null(config_find_output(site.config, "other"));
	cr_expect_str_eq(site.config->exec_allow[0], "/usr/bin/true");
	site_deinit(&site);
}

Test(config, nothing_gives_the_defaults)
{
	struct report report;
	struct config *config;

	report_init(&report);
	config = config_new(NULL, "none", &report);
	cr_assert_not_null(config);
	cr_expect_str_eq(config->timezone, "UTC");
	cr_expect_str_eq(config->listen_http, "127.0.0.1:8787");
	cr_expect_str_eq(config->category_field, "merchantId");
	cr_expect_eq(config->versions_kept, 10);
	cr_expect_eq(config->keys_max, 100000);
	cr_expect_eq(config->readers, 1);
	cr_expect_eq(config->lua.instructions, 5000000);
	cr_expect_eq(config->lua.errors_max, 3);
	cr_expect_eq(config->lua.call_ms, 50);
	cr_expect_eq(config->retention_day_ms, INT64_C(2592000000));
	config_unref(config_ref(config));
	config_unref(config);
	report_deinit(&report);
}

Test(config, http_may_be_off_and_needs_a_token_off_loopback)
{
	struct site site;

	load(&site, "{ listen = { http = false } }");
	expect_good(&site);
	cr_expect_null(site.config->listen_http);
	site_deinit(&site);
	load(&site, "{ listen = { http = \"0.0.0.0:80\", token = \"file:/t\" } }");
	expect_good(&site);
	site_deinit(&site);
	load(&site, "{ listen = { http = \"[::1]:80\" } }");
	expect_good(&site);
	site_deinit(&site);
	FAULT("{\n listen = {\n http = \"0.0.0.0:80\" } }", 3, "needs a token", "0.0.0.0:80");
	FAULT("{ listen = { http = \"localhost\" } }", 1, "host:port or false", "localhost");
	FAULT("{ listen = { http = \"localhost:0\" } }", 1, "host:port");
	FAULT("{ listen = { http = \"localhost:65536\" } }", 1, "host:port");
	FAULT("{ listen = { http = true } }", 1, "found true");
}

Test(config, faults_of_keys_and_types)
{
	FAULT("{ source = { } }", 1, "unknown key \"source\"", "did you mean \"sources\"?",
	      "timezone, sources");
	FAULT("{\nsources = {\npay = {\nlatenes = \"5s\" } } }", 4,
	      "tocsin.lua:4: ", "unknown key \"latenes\" in source pay",
	      "did you mean \"lateness\"?");
	FAULT("{ sources = { pay = { lateness = 5 } } }", 1, "must be a span", "the number 5",
	      "lateness = \"5s\"");
	FAULT("{ sources = { pay = { lateness = \"5 parsecs\" } } }", 1, "5 parsecs");
	FAULT("{ sources = { pay = { lateness = \"2d\" } } }", 1, "from 0", "to 1d");
	FAULT("{ sources = \"pay\" }", 1, "must be a table", "the string \"pay\"");
	FAULT("{ sources = { pay = { fields = { amount = \"flot\" } } } }", 1, "field amount",
	      "did you mean \"float\"?");
	FAULT("{ sources = { pay = { format = \"xml\" } } }", 1, "\"json\", \"csv\"", "xml");
	FAULT("{ ingest = { readers = 65 } }", 1, "from 0 to 64", "the number 65");
	FAULT("{ ingest = { readers = 1.5 } }", 1, "a whole number", "1.5");
	FAULT("{ storage = { sync = \"comit\" } }", 1, "did you mean \"commit\"?");
	FAULT("{ timezone = \"Asia/Shangai\" }", 1, "IANA zone", "Asia/Shangai");
	FAULT("{ exec = { allow = { \"true\" } } }", 1, "absolute paths", "\"true\"");
	FAULT("{ http = { allow = { \"https://x\" } } }", 1, "host or host:port", "https://x");
}

Test(config, faults_of_sources_and_outputs)
{
	FAULT("{ sources = { pay = { format = \"csv\" } } }", 1, "needs 1 to", "columns = {");
	FAULT("{ sources = { pay = { format = \"csv\", columns = { \"a\" } } } }", 1,
	      "time field \"time\"");
	FAULT("{ sources = { pay = { format = \"csv\", columns = { \"time\", \"a\", \"a\" } } } }",
	      1, "\"a\" twice");
	FAULT("{ sources = { pay = { format = \"csv\", columns = { \"time\" }, "
	      "fields = { b = \"int\" } } } }",
	      1, "field \"b\"", "not among its columns");
	FAULT("{ sources = { pay = { columns = { \"time\" } } } }", 1, "only for format = \"csv\"");
	FAULT("{ sources = { pay = { from = { { http = true, tcp = \"a:1\" } } } } }", 1,
	      "exactly one of", "found 2");
	FAULT("{ sources = { pay = { from = { { tcp = \"here\" } } } } }", 1, "host:port", "here");
	FAULT("{ sources = { a = { from = { { stdin = true } } }, "
	      "b = { from = { { stdin = true } } } } }",
	      1, "read by source a already");
	FAULT("{ outputs = { a = { } } }", 1, "exactly one of file, stdout, webhook, dingtalk, ");
	FAULT("{ outputs = { a = { webhook = \"ftp://x\" } } }", 1, "http:// or https://",
	      "ftp://x");
	FAULT("{ outputs = { a = { file = \"x\", secret = \"y\" } } }", 1,
	      "is only for webhook, dingtalk, feishu, and this is a file");
}

Test(config, every_fault_is_reported_not_only_the_first)
{
	struct site site;

	load(&site, "{ sourcs = { },\n listen = { http = 7 },\n exec = { allow = { \"x\" } },\n"
		    " outputs = { a = { } } }");
	cr_expect_null(site.config);
	cr_expect_eq(site.report.count, 4);
	site_deinit(&site);
}

Test(config, categories_in_both_forms)
{
	static const char *const texts[] = {
		"{ categories = { offline = { }, restaurants = { parent = \"offline\", "
		"members = { \"m2\", \"m1\" } } } }",
		"{ categories = { { name = \"offline\" }, { name = \"restaurants\", "
		"parent = \"offline\", members = { \"m2\", \"m1\" } } } }"};

	for (int i = 0; i < 2; i++) {
		struct site site;

		load(&site, texts[i]);
		expect_good(&site);
		cr_expect_eq(site.config->category_count, 2);
		cr_expect_str_eq(config_category_of(site.config, "m1"), "restaurants");
		cr_expect_str_eq(config_category_of(site.config, "m2"), "restaurants");
		cr_expect_null(config_category_of(site.config, "m3"));
		site_deinit(&site);
	}
	FAULT("{ categories = { a = { parent = \"b\" } } }", 1, "unknown parent \"b\"");
	FAULT("{ categories = { a = { parent = \"a\" } } }", 1, "its own parent");
	FAULT("{ categories = { a = { members = { \"m\" } }, b = { members = { \"m\" } } } }", 1,
	      "categories \"a\" and \"b\"");
	FAULT("{ categories = { { members = { \"m\" } } } }", 1, "needs a name");
}
