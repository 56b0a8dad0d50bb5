/** config_actions.h - what the site lets the actions of plans reach: load.run, sql.query, … */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_ACTIONS_H
#define TOCSIN_CORE_CONFIG_CONFIG_ACTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct config;

enum { CONFIG_DATABASES_MAX = 64, CONFIG_TICKETS_MAX = 16, CONFIG_GROUPS_MAX = 16 };

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

struct config_header {
	const char *name;
	const char *value; /**< for secret_read() */
};

/** Where ticket.create makes a ticket. Texts with {names}: action_ticket.c. */
struct config_ticket {
	const char *name;
	const char *url, *method;
	const struct config_header *headers;
	uint32_t header_count;
	const char *body_json; /**< an object */
	const char *id;        /**< path in the answer: "data.id" */
	const char *link;      /**< or NULL */
	const char *find;      /**< or NULL: nobody can be asked */
	const char *find_id;   /**< path in the answer of `find` */
	bool is_idempotent;    /**< to make it twice makes it once */
};

struct config_group_member {
	const char *person, *user; /**< of the site; there */
};

/** Where group.create opens a chat. */
struct config_group {
	const char *name;
	bool is_feishu; /**< else WeCom */
	const char *url, *app;
	const char *secret; /**< for secret_read() */
	const char *owner;  /**< user; or NULL */
	struct config_group_member *members;
	uint32_t member_count;
};

/** What a drill reaches in the place of something: `drill = { outputs = { ops = "x" } }`. */
struct config_drill {
	struct config_pair {
		const char *from, *to;
	} * outputs, *http, *exec;
	uint32_t output_count, http_count, exec_count;
};

struct config_actions {
	struct config_drill drill;
	struct config_load load;
	struct config_database *databases;
	uint32_t database_count;
	struct config_ticket *tickets;
	uint32_t ticket_count;
	struct config_group *groups;
	uint32_t group_count;
};

/** Never NULL: of a config without the sections, what holds then. */
const struct config_actions *config_actions(const struct config *config);
/** The other end of the pair, or NULL. */
const char *config_drill_target(const struct config_pair *pairs, uint32_t count, const char *from);
/** NULL: there is none. */
const struct config_database *config_find_database(const struct config *config, const char *name);
const struct config_group *config_find_group(const struct config *config, const char *name);
/** What a person is called there; NULL: the group does not know. */
const char *config_group_user(const struct config_group *group, const char *person);
const struct config_ticket *config_find_ticket(const struct config *config, const char *name);

#endif
