/** app_people.h - whom plans mean: people, schedules with their overrides, roles. */
#ifndef TOCSIN_CORE_APP_APP_PEOPLE_H
#define TOCSIN_CORE_APP_APP_PEOPLE_H

struct err_note;
struct plan_page;

/** As struct plan_actions_options wants it; `arg` is the app. */
int app_people(void *arg, const char *who, void (*each)(void *each_arg, const char *person),
	       void *each_arg, struct err_note *why);
int app_call(void *arg, const struct plan_page *page, struct err_note *why);

#endif
