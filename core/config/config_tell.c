#include "core/config/config_incidents.h"

#include <string.h>

#include "core/base/report.h"
#include "core/config/config_internal.h"

static void read_names(struct config_builder *builder, const struct tree *list,
		       struct config_incidents *out)
{
	if (list->child_count > CONFIG_TELL_MAX) {
		report_add(builder->report, builder->file, list->line,
			   "\"tell\" of incidents names %u outputs; at most %d are allowed",
			   list->child_count, CONFIG_TELL_MAX);
		return;
	}
	for (const struct tree *name = list->first; name != NULL; name = name->next) {
		if (!config_check_output(builder, name, "incidents.tell"))
			return;
		for (const struct tree *other = list->first; other != name; other = other->next) {
			if (strcmp(other->text, name->text) != 0)
				continue;
			report_add(builder->report, builder->file, name->line,
				   "\"tell\" of incidents names \"%.64s\" twice", name->text);
			return;
		}
	}
	out->tell = config_copy_texts(builder->config, list, &out->tell_count);
}

void config_read_tell(struct config_builder *builder, const struct tree *tree,
		      struct config_incidents *out)
{
	const struct tree *limit = tree_get(tree, "tell_limit");

	out->tell_limit = (struct rate){5, INT64_C(10) * 60 * 1000};
	if (limit != NULL && (!config_read_rate(limit, &out->tell_limit) ||
			      out->tell_limit.count > CONFIG_TELL_LIMIT_MAX))
		report_add(builder->report, builder->file, limit->line,
			   "\"tell_limit\" of incidents must be { COUNT, SPAN }, a count from 1 to "
			   "%d and a span from 1s to 1d; example: tell_limit = { 5, \"10m\" }",
			   CONFIG_TELL_LIMIT_MAX);
	if (tree_get(tree, "tell") != NULL)
		read_names(builder, tree_get(tree, "tell"), out);
}
