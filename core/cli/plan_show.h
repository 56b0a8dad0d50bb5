/** plan_show.h - a plan run and its journal as lines for people; --json has every field. */
#ifndef TOCSIN_CORE_CLI_PLAN_SHOW_H
#define TOCSIN_CORE_CLI_PLAN_SHOW_H

#include "core/base/bytes.h"

#include <jansson.h>

/** What one record says, in one line; `record` as plan.show gives it. */
void plan_show_record(const json_t *record, struct bytes *out);
/** The lines of one record; the date stands above the first line of each day: `day` has the latest
 *  one, 11 bytes, "" at first. */
void plan_show_print_record(const json_t *record, char *day);
/** Head and journal of a run. */
void plan_show_print(const json_t *run);

struct remote;

/** `plan watch`: prints what the run does until it has ended. The exit code: 0 done, 1 failed or
 *  cancelled. */
int plan_watch(const struct remote *remote);

/** `plan verify`: whether the journal of a run, or of all, can be replayed. */
int plan_verify(const struct remote *remote);

#endif
