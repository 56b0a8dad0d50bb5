/* Where group.create opens a chat, and who is called what there. After the people. */
#include "core/config/config_actions.h"

#include "core/base/report.h"
#include "core/config/config_internal.h"
#include "core/oncall/person.h"

#include <string.h>

static const char *const kinds[] = {"wecom", "feishu", NULL};
const struct option config_chat_rows[] = {
	{.name = "kind",
	 .type = OPTION_CHOICE,
	 .is_required = true,
	 .choices = kinds,
	 .example = "\"wecom\"",
	 .help = "whose chats"},
	{.name = "app",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"ww0123456789abcdef\"",
	 .help = "WeCom: the corporation's id; Feishu: the app's id"},
	{.name = "secret",
	 .type = OPTION_ANY,
	 .is_required = true,
	 .example = "{ env = \"CHAT_SECRET\" }",
	 .help = "of the app; { env = … }, { file = … }"},
	{.name = "url",
	 .type = OPTION_TEXT,
	 .example = "\"https://open.larksuite.com\"",
	 .help = "default https://qyapi.weixin.qq.com, https://open.feishu.cn"},
	{.name = "members",
	 .type = OPTION_TABLE,
	 .is_required = true,
	 .example = "{ wang = \"WangWei\" }",
	 .help = "people of the site, and their user ids (Feishu: open ids) there"},
	{.name = "owner",
	 .type = OPTION_TEXT,
	 .example = "\"wang\"",
	 .help = "who owns the chat; default: the app's choice"},
	{.name = NULL},
};

static bool has_person(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->person_count; i++)
		if (strcmp(config->people[i].id, name) == 0)
			return true;
	return false;
}

static void read_members(struct config_builder *builder, const struct tree *tree,
			 struct config_group *group)
{
	const struct tree *members = tree_get(tree, "members");

	group->members = arena_zalloc(&builder->config->arena,
				      (members->child_count + 1) * sizeof(*group->members));
	for (const struct tree *child = members->first; child != NULL; child = child->next) {
		struct config_group_member *member = &group->members[group->member_count];

		if (child->key == NULL || child->type != TREE_STRING || child->text[0] == '\0' ||
		    !has_person(builder->config, child->key)) {
			report_add(builder->report, builder->file, child->line,
				   "\"members\" of group %.64s must be people of the site with "
				   "their ids, like { wang = \"WangWei\" }, found \"%.64s\"",
				   tree->key, child->key != NULL ? child->key : "");
			continue;
		}
		member->person = config_copy_text(builder->config, child->key);
		member->user = config_copy_text(builder->config, child->text);
		group->member_count++;
	}
}

static void read_group(struct config_builder *builder, const struct tree *tree,
		       struct config_actions *actions)
{
	struct config_group *group = &actions->groups[actions->group_count];
	struct config *config = builder->config;
	const char *url, *owner;

	if (!tree_is_map(tree) || tree->key == NULL || !config_is_name(tree->key)) {
		report_add(builder->report, builder->file, tree->line,
			   "a group must be name = { kind = …, app = …, secret = …, members = … }; "
			   "example: war = { kind = \"wecom\", app = \"ww0123\", secret = { env = "
			   "\"CHAT_SECRET\" }, members = { wang = \"WangWei\" } }");
		return;
	}
	if (options_check(tree, config_chat_rows, builder->file, "a group", builder->report) > 0)
		return;
	group->name = config_copy_text(config, tree->key);
	group->is_feishu = strcmp(option_text(tree, "kind", ""), "feishu") == 0;
	group->app = config_copy_text(config, option_text(tree, "app", ""));
	group->secret = config_secret_of(builder, tree_get(tree, "secret"), "secret",
					 arena_format(&config->arena, "group %s", tree->key));
	url = option_text(tree, "url",
			  group->is_feishu ? "https://open.feishu.cn"
					   : "https://qyapi.weixin.qq.com");
	group->url = config_copy_text(config, url);
	if (!config_is_url(url))
		report_add(builder->report, builder->file, tree_get(tree, "url")->line,
			   "\"url\" of group %.64s must be an http or https URL, found \"%.200s\"",
			   tree->key, url);
	read_members(builder, tree, group);
	owner = option_text(tree, "owner", NULL);
	group->owner = owner != NULL ? config_group_user(group, owner) : NULL;
	if (owner != NULL && group->owner == NULL)
		report_add(builder->report, builder->file, tree_get(tree, "owner")->line,
			   "\"owner\" of group %.64s must be one of its members, found \"%.64s\"",
			   tree->key, owner);
	actions->group_count++;
}

void config_read_groups(struct config_builder *builder, const struct tree *site,
			struct config_actions *actions)
{
	const struct tree *section = tree_get(site, "groups");

	if (section == NULL || !tree_is_map(section) || section->child_count == 0)
		return;
	if (section->child_count > CONFIG_GROUPS_MAX) {
		report_add(builder->report, builder->file, section->line,
			   "the site has %u groups; at most %d are allowed", section->child_count,
			   CONFIG_GROUPS_MAX);
		return;
	}
	actions->groups = arena_zalloc(&builder->config->arena,
				       section->child_count * sizeof(*actions->groups));
	for (const struct tree *item = section->first; item != NULL; item = item->next)
		read_group(builder, item, actions);
}

const char *config_group_user(const struct config_group *group, const char *person)
{
	for (uint32_t i = 0; i < group->member_count; i++)
		if (strcmp(group->members[i].person, person) == 0)
			return group->members[i].user;
	return NULL;
}

const struct config_group *config_find_group(const struct config *config, const char *name)
{
	const struct config_actions *actions = config_actions(config);

	for (uint32_t i = 0; i < actions->group_count; i++)
		if (strcmp(actions->groups[i].name, name) == 0)
			return &actions->groups[i];
	return NULL;
}
