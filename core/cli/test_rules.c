#include "core/cli/test_rules.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/report.h"
#include "lua/host/generation.h"
#include "lua/host/site_scan.h"

#include <stdio.h>
#include <string.h>

static struct test_rule *find(struct test_rules *rules, const char *name)
{
	for (uint32_t i = 0; i < rules->count; i++)
		if (strcmp(rules->items[i].name, name) == 0)
			return &rules->items[i];
	return NULL;
}

static int parse(const char *text, struct test_rule *out, struct err_note *why)
{
	const char *at = strrchr(text, '@');
	size_t length = at != NULL ? (size_t)(at - text) : strlen(text);
	int64_t version = 0;

	if (length == 0 || length > RULE_NAME_BYTES_MAX ||
	    (at != NULL && (number_parse_int(slice_of(at + 1), &version) != 0 || version < 1 ||
			    version > RULE_VERSION_MAX)))
		return err_set(why, ERR_INVALID, "a rule is NAME or NAME@VERSION, not \"%s\"",
			       text);
	snprintf(out->name, sizeof(out->name), "%.*s", (int)length, text);
	out->version = (uint32_t)version;
	return 0;
}

/** The version that is wanted, or the newest: the site's files are sorted. */
static int find_version(const char *site_dir, struct test_rule *wanted, struct err_note *why)
{
	struct site_files files = {0};
	uint32_t found = 0;
	struct report report;
	int code;

	report_init(&report);
	code = site_scan(site_dir, "rules", &files, &report, why);
	report_deinit(&report);
	for (uint32_t i = 0; i < files.count; i++)
		if (strcmp(files.items[i].name, wanted->name) == 0 &&
		    (wanted->version == 0 || wanted->version == files.items[i].version))
			found = files.items[i].version;
	site_files_deinit(&files);
	if (code != 0)
		return code;
	if (found == 0 && wanted->version != 0)
		return err_set(why, ERR_NOT_FOUND, "%s has no rules/%s/%u.lua", site_dir,
			       wanted->name, wanted->version);
	if (found == 0)
		return err_set(why, ERR_NOT_FOUND, "%s has no rule %s", site_dir, wanted->name);
	wanted->version = found;
	return 0;
}

int test_rules_put(struct test_rules *rules, const char *site_dir, const char *text,
		   struct err_note *why)
{
	struct test_rule wanted = {.version = 0}, *place;
	int code = parse(text, &wanted, why);

	if (code == 0)
		code = find_version(site_dir, &wanted, why);
	if (code != 0)
		return code;
	place = find(rules, wanted.name);
	if (place == NULL && rules->count == TEST_RULES_MAX)
		return err_set(why, ERR_FULL, "at most %d rules run in a test", TEST_RULES_MAX);
	if (place == NULL)
		place = &rules->items[rules->count++];
	*place = wanted;
	return 0;
}

int test_rules_remove(struct test_rules *rules, const char *name, struct err_note *why)
{
	struct test_rule *place = find(rules, name);

	if (place == NULL)
		return err_set(why, ERR_NOT_FOUND, "no rule %s runs here", name);
	*place = rules->items[--rules->count];
	return 0;
}

/** The first fault of the site or of a rule. */
static int check(const struct generation *generation, uint32_t rule_count, struct err_note *why)
{
	char line[ERR_NOTE_BYTES_MAX];

	if (generation->config != NULL && generation->rule_count == rule_count)
		return 0;
	if (generation->report.count == 0)
		return err_set(why, ERR_INVALID, "a rule of the test does not load");
	finding_format(&generation->report.findings[0], line, sizeof(line));
	return err_set(why, ERR_INVALID, "%s", line);
}

int test_rules_load(const struct test_rules *rules, const char *site_dir, struct generation **out,
		    struct err_note *why)
{
	const char *only[TEST_RULES_MAX + 1];
	struct generation *generation = NULL;
	int code;

	for (uint32_t i = 0; i < rules->count; i++)
		only[i] = mem_format("rules/%s/%u.lua", rules->items[i].name,
				     rules->items[i].version);
	/* An empty list, and not NULL: no rule at all. */
	only[rules->count] = NULL;
	code = generation_load(&generation, site_dir, only, rules->count, why);
	for (uint32_t i = 0; i < rules->count; i++)
		mem_free((void *)(uintptr_t)only[i]);
	if (code != 0)
		return code;
	code = check(generation, rules->count, why);
	if (code != 0) {
		generation_free(generation);
		return code;
	}
	*out = generation;
	return 0;
}
