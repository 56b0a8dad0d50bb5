#include "core/config/config_internal.h"

#include "core/base/mem.h"
#include "core/base/report.h"

#include <string.h>

static const char *const format_choices[] = {"json", "csv", NULL};
static const char *const type_choices[] = {
#define FIELD_TYPE_TEXT(name, text) text,
	FIELD_TYPE_LIST(FIELD_TYPE_TEXT)
#undef FIELD_TYPE_TEXT
		NULL};

const struct option config_source_rows[] = {
	{.name = "format",
	 .type = OPTION_CHOICE,
	 .choices = format_choices,
	 .example = "\"csv\"",
	 .help = "form of a line"},
	{.name = "time",
	 .type = OPTION_TEXT,
	 .example = "\"time\"",
	 .help = "field with the event time"},
	{.name = "fields",
	 .type = OPTION_TABLE,
	 .example = "{ amount = \"float\" }",
	 .help = "names and types; a name that is not here cannot be used in a rule"},
	{.name = "columns",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"time\", \"amount\" }",
	 .help = "CSV: names of the columns in order"},
	{.name = "delimiter",
	 .type = OPTION_TEXT,
	 .example = "\";\"",
	 .help = "CSV: one character between columns"},
	{.name = "from",
	 .type = OPTION_LIST,
	 .example = "{ { file = \"/var/log/pay/*.jsonl\" } }",
	 .help = "where readings come from",
	 .rows = config_from_rows},
	{.name = "lateness",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = 86400000,
	 .example = "\"5s\"",
	 .help = "how far out of order readings may come"},
	{.name = "idle",
	 .type = OPTION_SPAN,
	 .min = 100,
	 .max = 86400000,
	 .example = "\"10s\"",
	 .help = "silence after which a partition is not waited for"},
	{.name = "max_ahead",
	 .type = OPTION_SPAN,
	 .min = 1,
	 .max = 86400000,
	 .example = "\"60s\"",
	 .help = "how far in the future a reading may be"},
	{.name = "line_bytes_max",
	 .type = OPTION_INT,
	 .min = 64,
	 .max = 1048576,
	 .example = "65536",
	 .help = "longest line"},
	{.name = NULL},
};

const struct option config_from_rows[] = {
	{.name = "file",
	 .type = OPTION_TEXT,
	 .example = "\"/var/log/pay/*.jsonl\"",
	 .help = "files that match the pattern"},
	{.name = "http",
	 .type = OPTION_BOOL,
	 .example = "true",
	 .help = "POST /ingest/<source> on the HTTP listener"},
	{.name = "tcp",
	 .type = OPTION_TEXT,
	 .example = "\"127.0.0.1:5140\"",
	 .help = "lines over TCP at this address"},
	{.name = "stdin", .type = OPTION_BOOL, .example = "true", .help = "standard input"},
	{.name = NULL},
};

static void read_from(struct config_builder *builder, const struct tree *tree,
		      struct config_source *source)
{
	const char *file = option_text(tree, "file", NULL);
	const char *tcp = option_text(tree, "tcp", NULL);
	bool is_http = option_bool(tree, "http", false);
	bool is_stdin = option_bool(tree, "stdin", false);
	int count = (file != NULL) + (tcp != NULL) + (is_http ? 1 : 0) + (is_stdin ? 1 : 0);
	struct config_from *from = &source->from[source->from_count];

	if (count != 1) {
		report_add(builder->report, builder->file, tree->line,
			   "each entry in \"from\" of source %s must have exactly one of file, "
			   "http, tcp, stdin, found %d; example: { http = true }",
			   source->name, count);
		return;
	}
	if (file != NULL && file[0] == '\0')
		report_add(builder->report, builder->file, tree->line,
			   "\"file\" in \"from\" of source %s must not be empty; example: "
			   "{ file = \"/var/log/pay/*.jsonl\" }",
			   source->name);
	if (tcp != NULL && !config_is_address(tcp))
		report_add(builder->report, builder->file, tree->line,
			   "\"tcp\" in \"from\" of source %s must be host:port, found \"%.100s\"; "
			   "example: { tcp = \"127.0.0.1:5140\" }",
			   source->name, tcp);
	from->kind = file != NULL  ? FROM_FILE
		     : tcp != NULL ? FROM_TCP
		     : is_http     ? FROM_HTTP
				   : FROM_STDIN;
	from->text = config_copy_text(builder->config, file != NULL ? file : tcp);
	from->line = tree->line;
	source->from_count++;
}

static void read_from_list(struct config_builder *builder, const struct tree *list,
			   struct config_source *source)
{
	if (list == NULL || list->child_count == 0)
		return;
	if (list->child_count > CONFIG_FROM_MAX) {
		report_add(builder->report, builder->file, list->line,
			   "\"from\" of source %s has %u entries; at most %d are allowed",
			   source->name, list->child_count, CONFIG_FROM_MAX);
		return;
	}
	source->from =
		arena_zalloc(&builder->config->arena, list->child_count * sizeof(*source->from));
	for (const struct tree *child = list->first; child != NULL; child = child->next) {
		char what[CONFIG_NAME_BYTES_MAX + 32];

		snprintf(what, sizeof(what), "\"from\" of source %s", source->name);
		if (options_check(child, config_from_rows, builder->file, what, builder->report) ==
		    0)
			read_from(builder, child, source);
	}
}

static void read_field(struct config_builder *builder, const struct tree *field,
		       struct config_source *source)
{
	int type = field->type == TREE_STRING ? field_type_parse(field->text) : -1;
	char found[TREE_DESCRIPTION_BYTES_MAX];
	const char *nearest;

	if (field->key == NULL || field->key[0] == '\0' ||
	    strlen(field->key) > FIELD_NAME_BYTES_MAX) {
		report_add(builder->report, builder->file, field->line,
			   "\"fields\" of source %s needs name = type with names of 1 to %d bytes; "
			   "example: amount = \"float\"",
			   source->name, FIELD_NAME_BYTES_MAX);
		return;
	}
	if (type >= 0) {
		schema_add(&source->schema, field->key, (enum field_type)type);
		return;
	}
	nearest = field->type == TREE_STRING ? report_nearest(field->text, type_choices) : NULL;
	report_add(builder->report, builder->file, field->line,
		   "field %.128s of source %s must have one of the types \"string\", \"int\", "
		   "\"float\", \"bool\", \"time\", \"any\", found %s%s%s%s; example: %.128s = "
		   "\"float\"",
		   field->key, source->name, tree_describe(field, found),
		   nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
		   nearest != NULL ? "\"?" : "", field->key);
}

static void read_fields(struct config_builder *builder, const struct tree *fields,
			struct config_source *source)
{
	if (fields == NULL)
		return;
	source->schema.is_closed = true;
	if (fields->child_count > SCHEMA_FIELDS_MAX) {
		report_add(builder->report, builder->file, fields->line,
			   "\"fields\" of source %s has %u names; at most %d are allowed",
			   source->name, fields->child_count, SCHEMA_FIELDS_MAX);
		return;
	}
	for (const struct tree *field = fields->first; field != NULL; field = field->next)
		read_field(builder, field, source);
}

static bool has_column(const struct config_source *source, const char *name)
{
	for (uint32_t i = 0; i < source->column_count; i++)
		if (strcmp(source->columns[i], name) == 0)
			return true;
	return false;
}

/** Each column once, the time column and every declared field among them. */
static void check_columns(struct config_builder *builder, const struct tree *columns,
			  struct config_source *source)
{
	for (uint32_t i = 0; i < source->column_count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(source->columns[i], source->columns[k]) == 0)
				report_add(builder->report, builder->file, columns->line,
					   "\"columns\" of source %s has \"%.128s\" twice",
					   source->name, source->columns[i]);
	if (!has_column(source, source->schema.time_field))
		report_add(builder->report, builder->file, columns->line,
			   "\"columns\" of source %s must have the time field \"%.128s\"; another "
			   "name is set with time = \"…\"",
			   source->name, source->schema.time_field);
	for (uint32_t i = 0; i < source->schema.field_count; i++)
		if (!has_column(source, source->schema.fields[i].name))
			report_add(builder->report, builder->file, columns->line,
				   "field \"%.128s\" of source %s is not among its columns",
				   source->schema.fields[i].name, source->name);
}

static void read_csv(struct config_builder *builder, const struct tree *tree,
		     struct config_source *source)
{
	const struct tree *columns = tree_get(tree, "columns");
	const char *delimiter = option_text(tree, "delimiter", ",");

	if (strlen(delimiter) != 1 || strchr("\"\r\n", delimiter[0]) != NULL)
		report_add(builder->report, builder->file, tree_get(tree, "delimiter")->line,
			   "\"delimiter\" of source %s must be one character other than a quote "
			   "or a line end, found \"%.16s\"; example: delimiter = \";\"",
			   source->name, delimiter);
	source->delimiter = delimiter[0];
	if (columns == NULL || columns->child_count == 0 ||
	    columns->child_count > SCHEMA_FIELDS_MAX) {
		report_add(builder->report, builder->file,
			   columns != NULL ? columns->line : tree->line,
			   "source %s has format \"csv\" and needs 1 to %d columns; example: "
			   "columns = { \"time\", \"merchantId\", \"amount\" }",
			   source->name, SCHEMA_FIELDS_MAX);
		return;
	}
	source->columns = config_copy_texts(builder->config, columns, &source->column_count);
	check_columns(builder, columns, source);
	/* The columns are all there is, so every other name in a rule is a mistake. */
	source->schema.is_closed = true;
	for (uint32_t i = 0; i < source->column_count; i++)
		if (schema_find(&source->schema, source->columns[i]) == NULL &&
		    strcmp(source->columns[i], source->schema.time_field) != 0)
			schema_add(&source->schema, source->columns[i], FIELD_ANY);
}

static void read_json(struct config_builder *builder, const struct tree *tree,
		      const struct config_source *source)
{
	static const char *const csv_only[] = {"columns", "delimiter"};

	for (int i = 0; i < 2; i++) {
		const struct tree *child = tree_get(tree, csv_only[i]);

		if (child != NULL)
			report_add(builder->report, builder->file, child->line,
				   "\"%s\" of source %s is only for format = \"csv\"", csv_only[i],
				   source->name);
	}
}

static void read_source(struct config_builder *builder, const struct tree *tree,
			struct config_source *source)
{
	struct config *config = builder->config;
	const struct tree *fields = tree_get(tree, "fields"), *from = tree_get(tree, "from");
	char what[CONFIG_NAME_BYTES_MAX + 16];
	bool has_faults;

	source->name = config_copy_text(config, tree->key);
	schema_init(&source->schema);
	snprintf(what, sizeof(what), "source %s", tree->key);
	/* Its tables are read even then, so that their faults are listed in the same run. */
	has_faults =
		options_check(tree, config_source_rows, builder->file, what, builder->report) > 0;
	if (!tree_is_map(tree))
		return;
	source->is_csv = strcmp(option_text(tree, "format", "json"), "csv") == 0;
	source->delimiter = ',';
	if (tree_get(tree, "time") != NULL) {
		mem_free(source->schema.time_field);
		source->schema.time_field = mem_copy_text(option_text(tree, "time", "time"));
	}
	source->lateness_ms = option_span_ms(tree, "lateness", 5000);
	source->idle_ms = option_span_ms(tree, "idle", 10000);
	source->max_ahead_ms = option_span_ms(tree, "max_ahead", 60000);
	source->line_bytes_max = (uint32_t)option_int(tree, "line_bytes_max", 65536);
	read_fields(builder, fields != NULL && tree_is_map(fields) ? fields : NULL, source);
	if (!has_faults && source->is_csv)
		read_csv(builder, tree, source);
	else if (!has_faults)
		read_json(builder, tree, source);
	read_from_list(builder, from != NULL && tree_is_list(from) ? from : NULL, source);
}

/** Standard input is one stream: two sources cannot both read it. */
static void check_stdin(struct config_builder *builder)
{
	const struct config *config = builder->config;
	const char *owner = NULL;

	for (uint32_t i = 0; i < config->source_count; i++)
		for (uint32_t k = 0; k < config->sources[i].from_count; k++) {
			const struct config_from *from = &config->sources[i].from[k];

			if (from->kind != FROM_STDIN)
				continue;
			if (owner != NULL)
				report_add(builder->report, builder->file, from->line,
					   "standard input is read by source %s already", owner);
			owner = config->sources[i].name;
		}
}

void config_read_sources(struct config_builder *builder, const struct tree *sources)
{
	struct config *config = builder->config;

	if (sources == NULL || sources->child_count == 0)
		return;
	if (sources->child_count > CONFIG_SOURCES_MAX) {
		report_add(builder->report, builder->file, sources->line,
			   "sources has %u entries; at most %d are allowed", sources->child_count,
			   CONFIG_SOURCES_MAX);
		return;
	}
	config->sources =
		arena_zalloc(&config->arena, sources->child_count * sizeof(*config->sources));
	for (const struct tree *child = sources->first; child != NULL; child = child->next) {
		if (child->key == NULL || !config_is_name(child->key)) {
			report_add(builder->report, builder->file, child->line,
				   "a source needs a name of letters, digits, _ - . (at most %d), "
				   "found \"%.80s\"; example: pay = { from = { { http = true } } }",
				   CONFIG_NAME_BYTES_MAX, child->key != NULL ? child->key : "");
			continue;
		}
		read_source(builder, child, &config->sources[config->source_count++]);
	}
	check_stdin(builder);
}
