#include "core/config/config_internal.h"

#include "core/base/report.h"

#include <string.h>

const struct option config_retention_rows[] = {
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

static const char *const sync_choices[] = {"commit", "interval", "os", NULL};
const struct option config_storage_rows[] = {
	{.name = "sync",
	 .type = OPTION_CHOICE,
	 .choices = sync_choices,
	 .example = "\"commit\"",
	 .help = "when data is forced to disk"},
	{.name = NULL},
};

const struct option config_ingest_rows[] = {
	{.name = "readers",
	 .type = OPTION_INT,
	 .min = 0,
	 .max = 64,
	 .example = "2",
	 .help = "reader threads; 0 = none, on the loop"},
	{.name = NULL},
};

const struct option config_rules_rows[] = {
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

const struct option config_lua_rows[] = {
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

static int sync_index(const char *text)
{
	int index = 0;

	while (sync_choices[index] != NULL && strcmp(sync_choices[index], text) != 0)
		index++;
	return index;
}

void config_read_limits(struct config_builder *builder, const struct tree *site)
{
	struct config *config = builder->config;
	const struct tree *part = config_section(builder, site, "retention", config_retention_rows);

	config->retention_fine_ms = option_span_ms(part, "fine", 86400000);
	config->retention_day_ms = option_span_ms(part, "day", INT64_C(30) * 86400000);
	if (config->retention_fine_ms > config->retention_day_ms)
		report_add(builder->report, builder->file, tree_get(part, "fine")->line,
			   "\"fine\" of retention must not be longer than \"day\", which is %s, "
			   "found \"%.40s\"; example: fine = \"1d\"",
			   option_text(part, "day", "30d"), option_text(part, "fine", ""));
	part = config_section(builder, site, "storage", config_storage_rows);
	config->sync = sync_index(option_text(part, "sync", "commit"));
	part = config_section(builder, site, "ingest", config_ingest_rows);
	config->readers = (uint32_t)option_int(part, "readers", 1);
	part = config_section(builder, site, "rules", config_rules_rows);
	config->versions_kept = (uint32_t)option_int(part, "versions_kept", 10);
	config->keys_max = (uint32_t)option_int(part, "keys_max", 100000);
	part = config_section(builder, site, "lua", config_lua_rows);
	config->lua.memory_bytes = option_int(part, "memory", 16 * 1024 * 1024);
	config->lua.instructions = option_int(part, "instructions", 5000000);
	config->lua.call_ms = option_int(part, "call_ms", 50);
	config->lua.errors_max = (uint32_t)option_int(part, "errors_max", 3);
}
