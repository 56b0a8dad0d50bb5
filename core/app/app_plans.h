/** app_plans.h - what the plan engine tells people by itself. Only for the files of core/app. */
#ifndef TOCSIN_CORE_APP_APP_PLANS_H
#define TOCSIN_CORE_APP_APP_PLANS_H

#include <stdint.h>

/** plan_engine_options.on_send; `arg` is the app. */
void app_plan_send(void *arg, const char *to, uint64_t incident, const char *id, const char *text);

#endif
