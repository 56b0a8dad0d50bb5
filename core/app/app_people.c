#include "core/app/app_people.h"

#include "core/app/app_escalation.h"
#include "core/app/app_internal.h"
#include "core/base/err.h"
#include "core/config/config.h"
#include "core/escalation/override_store.h"
#include "core/loop/loop.h"
#include "core/oncall/person.h"
#include "core/paging/paging.h"
#include "core/plan/action.h"

#include <string.h>

static const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static int each_with_role(const struct config *config, const char *role,
			  void (*each)(void *each_arg, const char *person), void *each_arg,
			  struct err_note *why)
{
	bool has_one = false;

	for (uint32_t i = 0; i < config->person_count; i++) {
		if (!person_has_role(&config->people[i], role))
			continue;
		has_one = true;
		each(each_arg, config->people[i].id);
	}
	return has_one ? 0
		       : err_set(why, ERR_NOT_FOUND, "nobody of the site has the role \"%.64s\"",
				 role);
}

int app_people(void *arg, const char *who, void (*each)(void *each_arg, const char *person),
	       void *each_arg, struct err_note *why)
{
	const struct app *app = arg;
	const char *role = after(who, "role:"), *schedule = after(who, "schedule:");
	const char *name = after(who, "person:");

	if (role != NULL)
		return each_with_role(app->config, role, each, each_arg, why);
	if (schedule != NULL) {
		const struct oncall_schedule *found = config_find_schedule(app->config, schedule);
		const struct oncall_person *person;

		if (found == NULL)
			return err_set(why, ERR_NOT_FOUND, "the site has no schedule \"%.64s\"",
				       schedule);
		person = override_store_who(app->escalation->overrides, app->config, found,
					    loop_wall_ms(app->loop));
		if (person != NULL)
			each(each_arg, person->id);
		return 0;
	}
	name = name != NULL ? name : who;
	for (uint32_t i = 0; i < app->config->person_count; i++) {
		if (strcmp(app->config->people[i].id, name) == 0) {
			each(each_arg, name);
			return 0;
		}
	}
	return err_set(why, ERR_NOT_FOUND, "the site has nobody called \"%.64s\"", name);
}

int app_call(void *arg, const struct plan_page *page, struct err_note *why)
{
	const struct app *app = arg;
	struct page row = {
		.person = page->person,
		.incident = page->incident,
		.event = "plan",
		.text = page->text,
		.is_important = true,
		.cause = page->cause,
	};

	return paging_page(app->paging, &row, why);
}
