/** app_metric.h - metric.query of plans, answered by the engine. */
#ifndef TOCSIN_CORE_APP_APP_METRIC_H
#define TOCSIN_CORE_APP_APP_METRIC_H

#include <jansson.h>

struct err_note;

/** As struct plan_actions_options wants it; `arg` is the app. */
int app_metric(void *arg, const char *rule, const json_t *key, json_t **out, struct err_note *why);

#endif
