#include "core/rule/rule_internal.h"

#include "core/config/tree.h"
#include "core/model/timestamp.h"

#include <string.h>

/* clang-format off */
static const struct rule_row rows[] = {
	{RULE_BITS_ALL,
	 {.name = "effective", .type = OPTION_TEXT, .example = "\"2026-11-22T18:00:00+08:00\"",
	  .help = "time at which a new version takes over by itself; default: at once"}},
	{0, {.name = NULL}},
};
/* clang-format on */

/** A time of the clock alone could be anybody's; an epoch number is one of UTC. */
static bool has_offset(const struct tree *text)
{
	static const uint32_t date_time_length = 19; /* "2026-11-22T18:00:00" */

	return text->text_length <= date_time_length
		       ? strchr(text->text, ':') == NULL
		       : strpbrk(text->text + date_time_length, "Zz+-") != NULL;
}

static void read_part(struct rule_builder *builder)
{
	const struct tree *effective = tree_get(builder->tree, "effective");

	if (effective == NULL || effective->type != TREE_STRING)
		return;
	if (timestamp_parse((struct slice){effective->text, effective->text_length},
			    &builder->rule->effective_ms) != 0 ||
	    !has_offset(effective))
		rule_fault(builder, "effective",
			   "\"effective\" must be a time with its offset from UTC, found "
			   "\"%.64s\"; example: effective = \"2026-11-22T18:00:00+08:00\"",
			   effective->text);
}

const struct rule_part rule_part_life = {rows, read_part, NULL};
