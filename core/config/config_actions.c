#include "core/config/config_actions.h"

#include "core/config/config_internal.h"

const struct config_actions *config_actions(const struct config *config)
{
	static const struct config_actions none;

	return config && config->actions ? config->actions : &none;
}

void config_read_actions(struct config_builder *builder, const struct tree *site)
{
	struct config_actions *actions = arena_zalloc(&builder->config->arena, sizeof(*actions));

	config_read_load(builder, site, &actions->load);
	config_read_databases(builder, site, actions);
	config_read_tickets(builder, site, actions);
	config_read_groups(builder, site, actions);
	config_read_drill(builder, site, &actions->drill);
	builder->config->actions = actions;
}
