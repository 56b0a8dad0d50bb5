#include "core/cli/rule_template.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/model/schema.h"

#include <string.h>

/* `$source`, `$output`, `$number` and `$key` stand for names of the site. */
static const char common_head[] = "local rule = require \"tocsin.rule\"\n"
				  "\n"
				  "-- What it finds, what follows from it, and who knows more:\n"
				  "--\n"
				  "-- Check it:  tocsin check --site SITE\n"
				  "-- Every option of this type is in docs/reference.md, with "
				  "examples in docs/rule-guide.md.\n";
static const char common_tail[] = "  output    = \"$output\",\n"
				  "  severity  = \"warning\", -- info, warning or critical\n"
				  "  -- labels = { team = \"payments\" },\n";

static const struct {
	const char *type;
	const char *body;
} templates[] = {
	{"count", "return rule.count {\n"
		  "  description = \"Too many readings\",\n"
		  "  source    = \"$source\",\n"
		  "  -- filter = 'success == false', -- which readings count; all without it\n"
		  "  window    = \"5m\",\n"
		  "  threshold = \">= 400\",\n"},
	{"field", "return rule.field {\n"
		  "  description = \"A number is too high\",\n"
		  "  source    = \"$source\",\n"
		  "  -- filter = 'success == true', -- which readings count; all without it\n"
		  "  field     = \"$number\",\n"
		  "  statistic = \"avg\",\n"
		  "  window    = \"5m\",\n"
		  "  threshold = \">= 400\",\n"},
	{"continuous", "return rule.continuous {\n"
		       "  description = \"One value comes too often\",\n"
		       "  source    = \"$source\",\n"
		       "  field     = \"$key\", -- every value of it is watched by itself\n"
		       "  window    = \"5m\",\n"
		       "  threshold = \">= 400\",\n"},
	{"group", "return rule.group {\n"
		  "  description = \"Too many readings of one kind\",\n"
		  "  source    = \"$source\",\n"
		  "  by        = { \"$key\" }, -- every combination is watched by itself\n"
		  "  statistic = \"count\", -- or another one, with field = \"$number\"\n"
		  "  window    = \"5m\",\n"
		  "  threshold = \">= 400\",\n"},
	{"baseline", "return rule.baseline {\n"
		     "  description = \"A number is not what it is usually at this time\",\n"
		     "  source    = \"$source\",\n"
		     "  field     = \"$number\",\n"
		     "  statistic = \"avg\",\n"
		     "  window    = \"5m\",\n"
		     "  baseline  = \"same time yesterday\",\n"
		     "  band      = { lower = \"30%\", upper = \"150%\", side = \"outside\" },\n"},
	{"script", "return rule.script {\n"
		   "  description = \"A function decides\",\n"
		   "  source    = \"$source\",\n"
		   "  by        = { \"$key\" },\n"
		   "  window    = \"5m\",\n"
		   "  on_window = function(ctx, w)\n"
		   "    if w.count < 400 then return nil end -- not firing\n"
		   "    return { message = w.key_text .. \": \" .. w.count, value = w.count }\n"
		   "  end,\n"},
};

enum { TEMPLATE_COUNT = sizeof(templates) / sizeof(templates[0]) };

struct names {
	const char *source, *output, *number, *key;
};

/** The first field of one of the types that a rule may use, or NULL. */
static const char *find_field(const struct schema *schema, bool wants_number)
{
	for (uint32_t i = 0; i < schema->field_count; i++) {
		enum field_type type = schema->fields[i].type;
		bool fits = wants_number ? type == FIELD_INT || type == FIELD_FLOAT
					 : type == FIELD_STRING;

		if (fits && strcmp(schema->fields[i].name, schema->time_field) != 0)
			return schema->fields[i].name;
	}
	return NULL;
}

/** The source with most of what a template wants. */
static void use_config(struct names *names, const struct config *config)
{
	int best = -1;

	for (uint32_t i = 0; i < config->source_count; i++) {
		const struct schema *schema = &config->sources[i].schema;
		const char *number = find_field(schema, true), *key = find_field(schema, false);
		int worth = (number != NULL) + (key != NULL);

		if (worth <= best)
			continue;
		best = worth;
		names->source = config->sources[i].name;
		names->number = number != NULL ? number : names->number;
		names->key = key != NULL ? key : names->key;
	}
	if (config->output_count > 0)
		names->output = config->outputs[0].name;
}

static const char *name_of(const struct names *names, const char *at, size_t *length)
{
	static const char *const words[] = {"$source", "$output", "$number", "$key"};
	const char *const values[] = {names->source, names->output, names->number, names->key};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*length = strlen(words[i]);
		if (strncmp(at, words[i], *length) == 0)
			return values[i];
	}
	return NULL;
}

static void append_filled(const char *text, const struct names *names, struct bytes *out)
{
	while (*text != '\0') {
		size_t length;
		const char *name = *text == '$' ? name_of(names, text, &length) : NULL;

		if (name == NULL) {
			bytes_append_char(out, *text++);
			continue;
		}
		bytes_append_text(out, name);
		text += length;
	}
}

static int find_template(const char *type, struct err_note *why)
{
	const char *types[TEMPLATE_COUNT + 1] = {NULL};
	struct bytes list = BYTES_EMPTY;
	const char *nearest;

	for (int i = 0; i < TEMPLATE_COUNT; i++) {
		if (strcmp(templates[i].type, type) == 0)
			return i;
		types[i] = templates[i].type;
	}
	for (int i = 0; i < TEMPLATE_COUNT; i++)
		bytes_append_format(&list, "%s%s", i > 0 ? ", " : "", types[i]);
	nearest = report_nearest(type, types);
	err_set(why, ERR_INVALID, "there is no rule type \"%.60s\"%s%s%s; there are: %s", type,
		nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
		nearest != NULL ? "\"?" : "", list.data);
	bytes_deinit(&list);
	return -1;
}

/** A rule that names what the site has not would not load. */
static int check_site(const struct config *config, struct err_note *why)
{
	if (config->source_count == 0)
		return err_set(why, ERR_CONFLICT,
			       "the site has no source, so no rule could load; declare one in "
			       "tocsin.lua first: sources = { pay = { from = { { file = "
			       "\"pay*.jsonl\" } } } }");
	if (config->output_count == 0)
		return err_set(why, ERR_CONFLICT,
			       "the site has no output, so no rule could load; declare one in "
			       "tocsin.lua first: outputs = { alerts = { file = "
			       "\"alerts.jsonl\" } }");
	return 0;
}

/** Of a source whose fields are declared, the template needs one that fits. */
static int check_fields(const char *body, const struct config *config, const struct names *names,
			struct err_note *why)
{
	const struct config_source *source = config_find_source(config, names->source);
	bool needs_number = strstr(body, " \"$number\",") != NULL;
	bool needs_key = strstr(body, "\"$key\"") != NULL;

	if (!source->schema.is_closed ||
	    ((!needs_number || find_field(&source->schema, true) != NULL) &&
	     (!needs_key || find_field(&source->schema, false) != NULL)))
		return 0;
	return err_set(
		why, ERR_CONFLICT,
		"no source of the site declares a %s field, which such a rule needs; declare "
		"one in tocsin.lua first: fields = { %s }",
		needs_number ? "numeric" : "text",
		needs_number ? "amount = \"float\"" : "merchantId = \"string\"");
}

int rule_template_append(const char *type, const struct config *config, struct bytes *out,
			 struct err_note *why)
{
	struct names names = {"pay", "alerts", "amount", "merchantId"};
	int index = find_template(type, why);

	if (index < 0)
		return ERR_INVALID;
	if (config != NULL) {
		int code = check_site(config, why);

		if (code != 0)
			return code;
		use_config(&names, config);
		code = check_fields(templates[index].body, config, &names, why);
		if (code != 0)
			return code;
	}
	bytes_append_text(out, common_head);
	append_filled(templates[index].body, &names, out);
	append_filled(common_tail, &names, out);
	bytes_append_text(out, "}\n");
	return 0;
}
