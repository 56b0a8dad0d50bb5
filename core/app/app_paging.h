/** app_paging.h - whom pages reach. Only for the files of core/app. */
#ifndef TOCSIN_CORE_APP_APP_PAGING_H
#define TOCSIN_CORE_APP_APP_PAGING_H

#include <stdbool.h>
#include <stdint.h>

struct app;
struct err_note;

int app_paging_open(struct app *app, struct err_note *why);
void app_paging_close(struct app *app);
/** For plan_engine_options. "role:X": who has it in the incident, or in the site; "schedule:X": who
 *  is on call now. */
bool app_is_among(void *arg, uint64_t incident, const char *who, const char *actor);

#endif
