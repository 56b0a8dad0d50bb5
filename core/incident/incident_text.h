/** incident_text.h - JSON of incidents: for the files of core/incident that read and write it. */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_TEXT_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_TEXT_H

#include <jansson.h>

#include "core/base/bytes.h"

struct incident;

enum { INCIDENT_ROW_VERSION = 2 };

/** Texts come from readings and scripts, so they may not be UTF-8: such bytes become '?'. */
json_t *incident_text_json(const char *text); /**< NULL gives null */
/** Nothing but an object may be stored: a row that is not as wanted stops the next start. */
json_t *incident_object_json(const char *text);
void incident_dump(json_t *json, struct bytes *out); /**< takes `json` */
/** Members of the row that are not as the last record of the timeline has them; from here on it
 *  has them. */
json_t *incident_take_changes(struct incident *incident);

#endif
