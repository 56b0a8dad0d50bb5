/** config_actions.h - what the site lets the actions of plans reach: load.run, sql.query, … */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_ACTIONS_H
#define TOCSIN_CORE_CONFIG_CONFIG_ACTIONS_H

#include <stdint.h>

struct config;

enum { CONFIG_DATABASES_MAX = 64 };

/** Where load.run may send its requests, and how many. */
struct config_load {
	const char **allow; /**< "host" or "host:port"; none: load.run is refused */
	uint32_t allow_count;
	double rate_max; /**< requests a second, of one run */
	int64_t duration_max_ms;
};

/** What sql.query may ask. */
struct config_database {
	const char *name;
	const char *path; /**< of a SQLite file */
};

struct config_actions {
	struct config_load load;
	struct config_database *databases;
	uint32_t database_count;
};

/** Never NULL: of a config without the sections, what holds then. */
const struct config_actions *config_actions(const struct config *config);
/** NULL: there is none. */
const struct config_database *config_find_database(const struct config *config, const char *name);

#endif
