/* What load.run may do: a test of performance is an attack on whom it was not meant for, so its
 * targets have a list of their own. */
#include "core/config/config_actions.h"

#include "core/base/report.h"
#include "core/config/config_internal.h"

enum { RATE_DEFAULT = 100, DURATION_DEFAULT_MS = 10 * 60 * 1000 };

const struct option config_load_rows[] = {
	{.name = "allow",
	 .type = OPTION_TEXT_LIST,
	 .is_required = true,
	 .example = "{ \"pay.test:8080\" }",
	 .help = "hosts that may be tested, as host or host:port"},
	{.name = "rate",
	 .type = OPTION_NUMBER,
	 .min = 0.1,
	 .max = 2000,
	 .example = "100",
	 .help = "most requests a second of one load.run; default 100"},
	{.name = "duration",
	 .type = OPTION_SPAN,
	 .min = 1000,
	 .max = 1800000,
	 .example = "\"10m\"",
	 .help = "longest load.run, with its warm-up; default 10m"},
	{.name = NULL},
};

void config_read_load(struct config_builder *builder, const struct tree *site,
		      struct config_load *load)
{
	const struct tree *section = config_section(builder, site, "load", config_load_rows);
	const struct tree *rate = tree_get(section, "rate");
	const struct tree *allow = tree_get(section, "allow");

	*load = (struct config_load){.rate_max = RATE_DEFAULT,
				     .duration_max_ms = DURATION_DEFAULT_MS};
	if (section == NULL)
		return;
	if (rate != NULL)
		load->rate_max = rate->number;
	load->duration_max_ms = option_span_ms(section, "duration", DURATION_DEFAULT_MS);
	load->allow = config_copy_texts(builder->config, allow, &load->allow_count);
	for (const struct tree *item = allow->first; item != NULL; item = item->next)
		if (!config_is_host(item->text))
			report_add(builder->report, builder->file, item->line,
				   "\"allow\" of load must have hosts, as host or host:port, found "
				   "\"%.200s\"; example: \"pay.test:8080\"",
				   item->text);
}
