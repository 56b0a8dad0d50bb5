#include "core/cli/script_version.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/report.h"
#include "lua/host/generation.h"
#include "lua/host/site_scan.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {[SCRIPT_RULE] = "rule", [SCRIPT_PLAN] = "plan"};

static int parse(const char *text, const char *kind, struct script_version *out,
		 struct err_note *why)
{
	const char *at = strrchr(text, '@');
	size_t length = at != NULL ? (size_t)(at - text) : strlen(text);
	int64_t version = 0;

	if (length == 0 || length > RULE_NAME_BYTES_MAX ||
	    (at != NULL && (number_parse_int(slice_of(at + 1), &version) != 0 || version < 1 ||
			    version > RULE_VERSION_MAX)))
		return err_set(why, ERR_INVALID, "a %s is NAME or NAME@VERSION, not \"%s\"", kind,
			       text);
	snprintf(out->name, sizeof(out->name), "%.*s", (int)length, text);
	out->version = (uint32_t)version;
	return 0;
}

/** "a, b, c": the site's scripts of this kind, as far as they fit. */
static void list_names(const struct site_files *files, char *out, size_t bytes)
{
	size_t length = 0;

	snprintf(out, bytes, "none: is this the site?");
	for (uint32_t i = 0; i < files->count && length < bytes; i++) {
		const char *name = files->items[i].name;

		if (i == 0 || strcmp(name, files->items[i - 1].name) != 0)
			length += (size_t)snprintf(out + length, bytes - length, "%s%s",
						   length > 0 ? ", " : "", name);
	}
}

/** The version that is wanted, or the newest: the site's files are sorted. */
static int find(struct script_version *wanted, const char *kind, const char *site_dir,
		struct err_note *why)
{
	struct site_files files = {0};
	char folder[8], names[200];
	uint32_t found = 0;
	struct report report;
	int code;

	snprintf(folder, sizeof(folder), "%ss", kind);
	report_init(&report);
	code = site_scan(site_dir, folder, &files, &report, why);
	report_deinit(&report);
	for (uint32_t i = 0; i < files.count; i++)
		if (strcmp(files.items[i].name, wanted->name) == 0 &&
		    (wanted->version == 0 || wanted->version == files.items[i].version))
			found = files.items[i].version;
	list_names(&files, names, sizeof(names));
	site_files_deinit(&files);
	if (code != 0)
		return code;
	if (found == 0 && wanted->version != 0)
		return err_set(why, ERR_NOT_FOUND, "%s has no %s/%s/%u.lua", site_dir, folder,
			       wanted->name, wanted->version);
	if (found == 0)
		return err_set(why, ERR_NOT_FOUND, "%s has no %s %s; it has %s", site_dir, kind,
			       wanted->name, names);
	wanted->version = found;
	return 0;
}

int script_version_find(struct script_version *out, enum script_kind kind, const char *site_dir,
			const char *text, struct err_note *why)
{
	int code = parse(text, kinds[kind], out, why);

	return code == 0 ? find(out, kinds[kind], site_dir, why) : code;
}

/** The first fault of the site or of a script. */
static int check(const struct generation *generation, const char *kind, uint32_t count,
		 struct err_note *why)
{
	char line[ERR_NOTE_BYTES_MAX];

	if (generation->config != NULL && generation->rule_count + generation->plan_count == count)
		return 0;
	if (generation->report.count == 0)
		return err_set(why, ERR_INVALID, "a %s of the test does not load", kind);
	finding_format(&generation->report.findings[0], line, sizeof(line));
	return err_set(why, ERR_INVALID, "%s", line);
}

int script_set_load(struct generation **out, const struct script_set *set, const char *site_dir,
		    struct err_note *why)
{
	const char *only[SCRIPT_VERSIONS_MAX + 1];
	struct generation *generation = NULL;
	int code;

	for (uint32_t i = 0; i < set->count; i++)
		only[i] = mem_format("%ss/%s/%u.lua", kinds[set->kind], set->items[i].name,
				     set->items[i].version);
	/* An empty list, and not NULL: no script at all. */
	only[set->count] = NULL;
	code = generation_load(&generation, site_dir, only, set->count, why);
	for (uint32_t i = 0; i < set->count; i++)
		mem_free((void *)(uintptr_t)only[i]);
	if (code != 0)
		return code;
	code = check(generation, kinds[set->kind], set->count, why);
	if (code != 0) {
		generation_free(generation);
		return code;
	}
	*out = generation;
	return 0;
}

static struct script_version *find_item(struct script_set *set, const char *name)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (strcmp(set->items[i].name, name) == 0)
			return &set->items[i];
	return NULL;
}

int script_set_put(struct script_set *set, const char *site_dir, const char *text,
		   struct err_note *why)
{
	struct script_version wanted, *place;
	int code = script_version_find(&wanted, set->kind, site_dir, text, why);

	if (code != 0)
		return code;
	place = find_item(set, wanted.name);
	if (place == NULL && set->count == SCRIPT_VERSIONS_MAX)
		return err_set(why, ERR_FULL, "at most %d %ss run in a test", SCRIPT_VERSIONS_MAX,
			       kinds[set->kind]);
	if (place == NULL)
		place = &set->items[set->count++];
	*place = wanted;
	return 0;
}

static bool has_name(const struct script_set *set, const char *name)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (strcmp(set->items[i].name, name) == 0)
			return true;
	return false;
}

void script_set_put_rest(struct script_set *set, const char *site_dir)
{
	struct site_files files = {0};
	struct report report;
	struct err_note why;

	report_init(&report);
	if (site_scan(site_dir, set->kind == SCRIPT_PLAN ? "plans" : "rules", &files, &report,
		      &why) == 0)
		for (uint32_t i = 0; i < files.count; i++)
			if (!has_name(set, files.items[i].name) &&
			    script_set_put(set, site_dir, files.items[i].name, &why) != 0)
				break;
	report_deinit(&report);
	site_files_deinit(&files);
}

int script_set_remove(struct script_set *set, const char *name, struct err_note *why)
{
	struct script_version *place = find_item(set, name);

	if (place == NULL)
		return err_set(why, ERR_NOT_FOUND, "no %s %s runs here", kinds[set->kind], name);
	*place = set->items[--set->count];
	return 0;
}
