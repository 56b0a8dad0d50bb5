#include "site.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/ingest/intake.h"
#include "core/ingest/reader.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "storage/commit.h"
#include "storage/kv.h"

static void on_alert(void *arg, const struct rule *rule, const struct alert *alert)
{
	struct site *site = arg;
	struct site_alert *kept = &site->alerts[site->alert_count++];
	struct bytes key = BYTES_EMPTY;
	char value[NUMBER_TEXT_BYTES_MAX] = "-";

	cr_assert_lt(site->alert_count, SITE_ALERTS_MAX);
	cr_assert_str_eq(rule->output, "alerts");
	dimension_append_text(alert->key, &key);
	if (alert->has_value)
		number_format(alert->value, value);
	snprintf(kept->text, sizeof(kept->text), "%s@%u %s %s %s %lld%s%s", alert->rule,
		 alert->version, alert_state_name(alert->state), key.length > 0 ? key.data : ".",
		 value, (long long)alert->window_end_ms / 1000, alert->reason != NULL ? " " : "",
		 alert->reason != NULL ? alert->reason : "");
	if (alert->correction != NULL) {
		size_t used = strlen(kept->text);

		number_format(alert->correction->value, value);
		snprintf(kept->text + used, sizeof(kept->text) - used, " was %s %s",
			 alert->correction->has_value ? value : "-",
			 alert->correction->severity != NULL ? alert->correction->severity : "-");
	}
	snprintf(kept->more, sizeof(kept->more), "%s %s %s %d", alert->severity,
		 alert->threshold != NULL ? alert->threshold : "-",
		 alert->message != NULL ? alert->message : "-", (int)alert->kept_back);
	snprintf(kept->id, sizeof(kept->id), "%s", alert->id);
	kept->end_ms = alert->window_end_ms;
	if (rule->window_days == 0)
		cr_assert_eq(alert->window_end_ms - alert->window_start_ms, rule->window_ms);
	bytes_deinit(&key);
}

static void on_quarantine(void *arg, const struct rule *rule, const char *reason)
{
	struct site *site = arg;

	snprintf(site->quarantined, sizeof(site->quarantined), "%s: %s", rule->name, reason);
}

static const char *why_gone(void *arg, const char *rule, uint32_t version)
{
	const struct site *site = arg;

	(void)rule;
	(void)version;
	return site->gone_reason != NULL ? site->gone_reason : "rule_removed";
}

static bool has_incident(void *arg, const struct rule *rule, struct slice key)
{
	(void)rule;
	(void)key;
	return ((struct site *)arg)->has_incident;
}

static bool has_category_incident(void *arg, const char *category)
{
	const struct site *site = arg;

	return site->open_category != NULL && strcmp(site->open_category, category) == 0;
}

static void start_engine(struct site *site)
{
	struct engine_options options = {
		.kv = site->kv,
		.commit = site->commit,
		.seed = 7,
		.partitions_max = site->partitions_max,
		.marker = site->marker,
		.on_alert = on_alert,
		.on_quarantine = on_quarantine,
		.why_gone = why_gone,
		.has_incident = has_incident,
		.has_category_incident = has_category_incident,
		.arg = site,
	};
	struct err_note why = {0};

	cr_assert_eq(engine_new(&site->engine, &options, &why), 0, "%s", why.text);
}

struct tree *site_text(struct site *site, const char *text)
{
	struct tree *tree = tree_new(&site->arena, TREE_STRING, 1);

	tree->text = arena_copy_text(&site->arena, text);
	tree->text_length = (uint32_t)strlen(text);
	return tree;
}

void site_put(struct site *site, struct tree *map, const char *key, struct tree *value)
{
	value->key = arena_copy_text(&site->arena, key);
	tree_add(map, value);
}

/** One value, from `*at` to its end. */
static struct tree *read_value(struct site *site, const char **at)
{
	size_t length = strcspn(*at, ";}");
	struct tree *tree;

	if (**at != '{') {
		char *text = arena_copy(&site->arena, *at, length);

		*at += length;
		if (text[0] != '#')
			return site_text(site, text);
		tree = tree_new(&site->arena, TREE_NUMBER, 1);
		tree->number = atof(text + 1);
		return tree;
	}
	length = strcspn(*at + 1, "={;}");
	tree = tree_new(&site->arena, (*at)[1 + length] == '=' ? TREE_MAP : TREE_LIST, 1);
	while (**at != '}') {
		(*at)++;
		if (tree->type == TREE_MAP) {
			const char *key;

			length = strcspn(*at, "=");
			key = arena_copy(&site->arena, *at, length);
			*at += length + 1;
			site_put(site, tree, key, read_value(site, at));
		} else {
			tree_add(tree, read_value(site, at));
		}
	}
	(*at)++;
	return tree;
}

/** Only what begins like one is a table or a number: texts may have any sign inside. */
struct tree *site_value(struct site *site, const char *text)
{
	if (strcmp(text, "!true") == 0) {
		struct tree *tree = tree_new(&site->arena, TREE_BOOL, 1);

		tree->boolean = true;
		return tree;
	}
	return text[0] == '{' || text[0] == '#' ? read_value(site, &text) : site_text(site, text);
}

struct tree *site_map(struct site *site, const char *const *pairs)
{
	struct tree *map = tree_new(&site->arena, TREE_MAP, 1);

	for (; pairs != NULL && pairs[0] != NULL; pairs += 2)
		site_put(site, map, pairs[0], site_value(site, pairs[1]));
	return map;
}

struct tree *site_list(struct site *site, const char *const *texts)
{
	struct tree *list = tree_new(&site->arena, TREE_LIST, 1);

	for (; texts[0] != NULL; texts++)
		tree_add(list, site_text(site, texts[0]));
	return list;
}

static void expect_no_findings(const struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		cr_log_error("%s", report->findings[i].text);
	cr_assert_eq(report->count, 0);
}

static void make_config(struct site *site, const char *zone_name)
{
	static const char *const source[] = {"lateness", "5s", "idle", "10s", NULL};
	static const char *const output[] = {"file", "alerts.jsonl", NULL};
	struct tree *map = site_map(site, NULL), *sources = site_map(site, NULL);
	static const char *const food[] = {"parent", "shops", "members", "{a}", NULL};
	struct tree *outputs = site_map(site, NULL), *categories = site_map(site, NULL);
	struct report report;

	site_put(site, sources, "pay", site_map(site, source));
	site_put(site, sources, "other", site_map(site, source));
	site_put(site, outputs, "alerts", site_map(site, output));
	site_put(site, map, "timezone", site_text(site, zone_name));
	site_put(site, map, "sources", sources);
	site_put(site, map, "outputs", outputs);
	site_put(site, categories, "shops", site_map(site, NULL));
	site_put(site, categories, "food", site_map(site, food));
	site_put(site, map, "categories", categories);
	site_put(site, map, "category_field", site_text(site, "m"));
	report_init(&report);
	site->config = config_new(map, "tocsin.lua", &report);
	expect_no_findings(&report);
	report_deinit(&report);
}

void site_init(struct site *site)
{
	site_init_in(site, "UTC");
}

void site_init_in(struct site *site, const char *zone_name)
{
	struct commit_options options = {0};

	*site = (struct site){.now_ms = 1000};
	arena_init(&site->arena);
	site->alerts = mem_alloc_array(SITE_ALERTS_MAX, sizeof(*site->alerts));
	site->kv = kv_memory_new();
	cr_assert_eq(commit_new(&site->commit, site->kv, &options, NULL), 0);
	make_config(site, zone_name);
	start_engine(site);
}

void site_deinit(struct site *site)
{
	engine_free(site->engine);
	commit_free(site->commit);
	kv_free(site->kv);
	config_unref(site->config);
	mem_free(site->alerts);
	arena_deinit(&site->arena);
}

void site_restart(struct site *site, struct rule *const *rules, uint32_t rule_count)
{
	struct commit_options options = {0};

	/* What was not committed is lost. */
	engine_free(site->engine);
	commit_free(site->commit);
	cr_assert_eq(commit_new(&site->commit, site->kv, &options, NULL), 0);
	start_engine(site);
	site_install(site, rules, rule_count);
}

void site_install(struct site *site, struct rule *const *rules, uint32_t rule_count)
{
	struct err_note why = {0};

	cr_assert_eq(engine_install(site->engine, site->config, rules, rule_count, site->now_ms,
				    INT64_MAX / 2, &why),
		     0, "%s", why.text);
	commit_kick(site->commit);
}

static struct rule *make_rule(struct site *site, const char *name, uint32_t version,
			      const char *type, const char *const *by, const char *const *pairs,
			      struct rule_runner *runner)
{
	struct tree *map = site_map(site, pairs);
	struct report report;
	struct rule *rule;
	char hash[33];

	bool is_reader = strcmp(type, "reader") == 0;

	site_put(site, map, "type", site_text(site, is_reader ? "script" : type));
	if (tree_get(map, "source") == NULL)
		site_put(site, map, "source", site_text(site, "pay"));
	site_put(site, map, "output", site_text(site, "alerts"));
	if (by != NULL)
		site_put(site, map, "by", site_list(site, by));
	if (is_reader) {
		site_put(site, map, "on_reading", tree_new(&site->arena, TREE_FUNCTION, 1));
		site_put(site, map, "on_timer", tree_new(&site->arena, TREE_FUNCTION, 1));
	} else if (runner != NULL)
		site_put(site, map, "on_window", tree_new(&site->arena, TREE_FUNCTION, 1));
	snprintf(hash, sizeof(hash), "%s-%u", name, version);
	report_init(&report);
	rule = rule_new(map, name, version, "rule.lua", hash, runner, site->config, &report);
	expect_no_findings(&report);
	report_deinit(&report);
	return rule;
}

struct rule *site_rule(struct site *site, const char *name, uint32_t version, const char *type,
		       const char *const *by, const char *const *pairs)
{
	return make_rule(site, name, version, type, by, pairs, NULL);
}

struct rule *site_script(struct site *site, const char *name, const char *const *by,
			 const char *const *pairs, struct rule_runner *runner)
{
	return make_rule(site, name, 1, "script", by, pairs, runner);
}

struct rule *site_reader(struct site *site, const char *name, const char *const *by,
			 const char *const *pairs, struct rule_runner *runner)
{
	return make_rule(site, name, 1, "reader", by, pairs, runner);
}

uint32_t site_open(struct site *site, const char *source, const char *name, bool is_positioned)
{
	struct position committed;
	uint32_t partition;
	struct err_note why = {0};

	cr_assert_eq(engine_partition_open(site->engine, source, name, is_positioned, site->now_ms,
					   &partition, &committed, &why),
		     0, "%s", why.text);
	return partition;
}

struct bundle *site_bundle(struct site *site, const char *source, uint32_t partition,
			   const char *lines)
{
	struct intake *intake = engine_intake(site->engine, source);
	struct bundle *bundle = bundle_new(intake, 11);
	struct reader *reader = reader_new();
	bool skip = false;
	struct reader_block block = {
		.data = lines,
		.length = strlen(lines),
		.is_last = true,
		.receive_ms = INT64_MAX / 2,
		.watermark_ms = engine_partition_watermark(site->engine, partition),
	};

	bundle->partition = partition;
	reader_read(reader, intake, &block, &skip, bundle);
	reader_free(reader);
	return bundle;
}

int site_feed(struct site *site, const char *source, uint32_t partition, const char *lines)
{
	int code = engine_apply(site->engine, site_bundle(site, source, partition, lines),
				site->now_ms);

	commit_kick(site->commit);
	return code;
}

int site_feed_at(struct site *site, const char *source, uint32_t partition, const char *lines,
		 struct position from, struct position to, bool is_reset)
{
	struct bundle *bundle = site_bundle(site, source, partition, lines);
	int code;

	bundle->is_positioned = true;
	bundle->is_reset = is_reset;
	bundle->from = from;
	bundle->to = to;
	code = engine_apply(site->engine, bundle, site->now_ms);
	commit_kick(site->commit);
	return code;
}

void site_advance(struct site *site)
{
	engine_advance(site->engine, site->now_ms, INT64_MAX / 2);
	commit_kick(site->commit);
}

void site_finish(struct site *site)
{
	site_advance(site);
	engine_finish(site->engine);
	commit_kick(site->commit);
}

void site_expect(struct site *site, const char *lines)
{
	struct bytes text = BYTES_EMPTY;

	for (uint32_t i = 0; i < site->alert_count; i++)
		bytes_append_format(&text, "%s\n", site->alerts[i].text);
	site->alert_count = 0;
	cr_expect_str_eq(text.data != NULL ? text.data : "", lines);
	bytes_deinit(&text);
}

struct rule *site_with(struct site *site, const char *name, const char *type, const char *const *by,
		       const char *const *pairs, uint32_t *partition)
{
	site_init(site);
	struct rule *rule = site_rule(site, name, 1, type, by, pairs);
	site_install(site, &rule, 1);
	*partition = site_open(site, "pay", "p", false);
	return rule;
}
