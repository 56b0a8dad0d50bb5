/** person.h - somebody who can be reached: where, and when not at night. Pure: no clock, no I/O.
 *
 *  Owner: everything is borrowed from whoever made the person (config: its arena).
 */
#ifndef TOCSIN_CORE_ONCALL_PERSON_H
#define TOCSIN_CORE_ONCALL_PERSON_H

#include <stdbool.h>
#include <stdint.h>

struct zone;

enum { PERSON_REACH_MAX = 8, PERSON_ROLES_MAX = 16 };

/** A way to somebody: an output of the site, and the address there. */
struct person_reach {
	const char *output;
	const char *address; /**< "+86…", "@wang", "a@b.c"; NULL: the output's own recipient */
};

struct oncall_person {
	const char *id;
	const char *name;
	const char *zone_name;
	struct zone *zone;    /**< of the quiet hours */
	bool owns_zone;       /**< the first person of the site with this zone */
	const char *language; /**< "en", "zh"; NULL: the output's */
	const char **roles;
	uint32_t role_count;
	struct person_reach *reach; /**< the first is tried first */
	uint32_t reach_count;
	bool has_quiet;
	unsigned quiet_days;   /**< bit 0 = Monday: nights that begin on these */
	int64_t quiet_from_ms; /**< of the day; to_ms <= from_ms goes over midnight */
	int64_t quiet_to_ms;
};

/** Is it within the quiet hours? Then they end at `*until_ms`. */
bool person_is_quiet(const struct oncall_person *person, int64_t utc_ms, int64_t *until_ms);

bool person_has_role(const struct oncall_person *person, const char *role);

#endif
