/** plan_dry_incident.h - the incident that a dry run handles: given, asked for, or made up. */
#ifndef TOCSIN_CORE_CLI_PLAN_DRY_INCIDENT_H
#define TOCSIN_CORE_CLI_PLAN_DRY_INCIDENT_H

#include <jansson.h>

struct err_note;
struct plan;
struct remote;

/** Of a file with the document of `tocsin incident show N --json`, or, when `text` is a number, of
 *  the daemon. Owned, as scripts see it. ERR_IO, ERR_INVALID. What the daemon said is printed,
 *  and there is no note: ERR_CLOSED no daemon, ERR_NOT_FOUND it refused. */
int plan_dry_incident_read(const char *text, const struct remote *remote, json_t **out,
			   struct err_note *why);

/** An alert (plan_world_alert()) that the trigger of the plan could be about; owned. */
json_t *plan_dry_incident_example(const struct plan *plan, const char *site_dir);

#endif
