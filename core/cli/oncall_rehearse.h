/** oncall_rehearse.h - whom the site's chains would call: incidents of a file, on a virtual clock,
 *  with a store in memory. Nothing is sent.
 *
 *  The file has one event a line, in order of time:
 *      {"at": "2026-03-01T02:00:00Z", "do": "open", "incident": "a", "category": "online",
 *       "severity": "critical"}
 *  `do`: open, alert (another one joins), calm (its alerts resolve), a command of people
 *  (core/incident/incident_command.h: ack, unack, handle, resolve …), set (field, value), snooze
 *  (for; "0s" ends it), override (schedule, person, from, to).
 */
#ifndef TOCSIN_CORE_CLI_ONCALL_REHEARSE_H
#define TOCSIN_CORE_CLI_ONCALL_REHEARSE_H

#include <jansson.h>
#include <stdint.h>

struct config;
struct err_note;

struct rehearsal {
	struct config *config;
	const char *path;
	int64_t to_ms; /**< the clock stops; 0: a day after the last event */
};

/** A new {"pages": [{at, incident, person, output, event, important, cause}], "facts": [{at,
 *  incident, kind, text}], "rescued": n}. ERR_NOT_FOUND, ERR_IO, ERR_INVALID: names the line. */
int oncall_rehearse(const struct rehearsal *rehearsal, json_t **out, struct err_note *why);

#endif
