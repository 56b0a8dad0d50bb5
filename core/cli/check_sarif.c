/* SARIF 2.1.0 (OASIS standard, 2020): one run of one tool. Columns are code points, and say so. */
#include "core/cli/check_format.h"

#include "core/base/bytes.h"
#include "core/base/printable.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char schema[] =
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/** A path as a URI reference: absolute ones get their scheme, and what a URI may not hold is
 *  percent-encoded byte by byte. */
static json_t *uri_json(const char *path)
{
	struct bytes uri = BYTES_EMPTY;
	json_t *json;

	if (path[0] == '/')
		bytes_append_text(&uri, "file://");
	for (; *path != '\0'; path++) {
		if (isalnum((unsigned char)*path) || strchr("/-._~", *path) != NULL)
			bytes_append_char(&uri, *path);
		else
			bytes_append_format(&uri, "%%%02X", (unsigned char)*path);
	}
	json = json_string(uri.length > 0 ? uri.data : "");
	bytes_deinit(&uri);
	return json;
}

static json_t *message_json(const char *text)
{
	struct bytes clean = BYTES_EMPTY;
	json_t *json;

	printable_append(&clean, text, true);
	json = json_pack("{s:s}", "text", clean.data);
	bytes_deinit(&clean);
	return json;
}

static json_t *location_json(const struct check_finding *finding)
{
	json_t *place = json_pack("{s:{s:o}}", "artifactLocation", "uri", uri_json(finding->file));
	json_t *region = json_object();

	if (finding->line > 0)
		json_object_set_new(region, "startLine", json_integer(finding->line));
	if (finding->place.column > 0) {
		json_object_set_new(region, "startColumn", json_integer(finding->place.column));
		json_object_set_new(region, "endColumn", json_integer(finding->place.end_column));
	}
	if (json_object_size(region) > 0)
		json_object_set(place, "region", region);
	json_decref(region);
	return json_pack("{s:o}", "physicalLocation", place);
}

static json_t *results_json(const struct check_result *result)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < result->finding_count; i++) {
		const struct check_finding *finding = &result->findings[i];

		json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:o, s:[o]}", "ruleId",
						      check_kind_id(finding->kind), "ruleIndex",
						      (int)finding->kind, "level",
						      check_kind_level(finding->kind), "message",
						      message_json(finding->text), "locations",
						      location_json(finding)));
	}
	return list;
}

static json_t *kinds_json(void)
{
	static const enum check_kind all[] = {
#define CHECK_KIND_MEMBER(name, id, level, help) CHECK_KIND_##name,
		CHECK_KIND_LIST(CHECK_KIND_MEMBER)
#undef CHECK_KIND_MEMBER
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_array_append_new(
			list, json_pack("{s:s, s:{s:s}, s:{s:s}}", "id", check_kind_id(all[i]),
					"shortDescription", "text", check_kind_help(all[i]),
					"defaultConfiguration", "level", check_kind_level(all[i])));
	return list;
}

void check_print_sarif(const struct check_result *result)
{
	json_t *driver =
		json_pack("{s:s, s:s, s:s, s:o}", "name", "tocsin", "version", TOCSIN_VERSION,
			  "semanticVersion", TOCSIN_VERSION, "rules", kinds_json());
	json_t *run = json_pack("{s:{s:o}, s:s, s:o}", "tool", "driver", driver, "columnKind",
				"unicodeCodePoints", "results", results_json(result));
	json_t *log =
		json_pack("{s:s, s:s, s:[o]}", "$schema", schema, "version", "2.1.0", "runs", run);

	json_dumpf(log, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(log);
}
