/** config_internal.h - what the parts of config_new() share. Each reads one section of the tree. */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_INTERNAL_H
#define TOCSIN_CORE_CONFIG_CONFIG_INTERNAL_H

#include "core/channel/channel.h"
#include "core/config/config.h"
#include "core/config/options.h"
#include "core/config/tree.h"

struct config_drill;
struct config_load;
struct oncall_hours;

struct config_builder {
	struct config *config; /**< texts are copied into its arena */
	const char *file;
	struct report *report;
};

enum { CONFIG_NAME_BYTES_MAX = 64 };

extern const struct option config_source_rows[], config_from_rows[], config_output_rows[],
	config_category_rows[], config_route_rows[], config_group_rows[], config_inhibit_rows[],
	config_lookup_rows[], config_incident_rows[], config_person_rows[], config_schedule_rows[],
	config_listen_rows[], config_allow_rows[], config_retention_rows[], config_storage_rows[],
	config_ingest_rows[], config_rules_rows[], config_lua_rows[], config_load_rows[],
	config_database_rows[], config_ticket_rows[], config_chat_rows[], config_drill_rows[],
	config_risk_rows[];
extern const struct option config_caps_rows[];
extern const struct option config_chain_rows[], config_heartbeat_rows[];

/** A section of the site, when it is there and without faults in its names and types. */
const struct tree *config_section(struct config_builder *builder, const struct tree *site,
				  const char *name, const struct option *rows);

/** Where the program listens, and what plans may run and call. */
void config_read_doors(struct config_builder *builder, const struct tree *site);
/** What the actions of plans may reach (config_actions.h). */
void config_read_risk(struct config_builder *builder, const struct tree *site);
void config_read_actions(struct config_builder *builder, const struct tree *site);
void config_read_load(struct config_builder *builder, const struct tree *site,
		      struct config_load *load);
void config_read_databases(struct config_builder *builder, const struct tree *site,
			   struct config_actions *actions);
void config_read_groups(struct config_builder *builder, const struct tree *site,
			struct config_actions *actions);
void config_read_tickets(struct config_builder *builder, const struct tree *site,
			 struct config_actions *actions);

/** After the outputs and the doors, which it names. */
void config_read_drill(struct config_builder *builder, const struct tree *site,
		       struct config_drill *drill);

/** Retention, storage, ingest, rules and lua. */
void config_read_limits(struct config_builder *builder, const struct tree *site);

void config_read_sources(struct config_builder *builder, const struct tree *sources);
void config_read_outputs(struct config_builder *builder, const struct tree *outputs);
/** After the lookups. */
void config_read_members(struct config_builder *builder, const struct tree *members,
			 struct config_category *category);
void config_read_categories(struct config_builder *builder, const struct tree *categories);
/** After the outputs, which routes name. */
void config_read_handling(struct config_builder *builder, const struct tree *routes,
			  const struct tree *inhibits);
/** NULL: the defaults. */
void config_read_incidents(struct config_builder *builder, const struct tree *tree);
/** Outputs that are told of them; after the outputs. */
void config_read_tell(struct config_builder *builder, const struct tree *tree,
		      struct config_incidents *out);
/** { 20, "1m" }: a count from 1, a span from 1s to 1d. */
bool config_read_rate(const struct tree *node, struct rate *out);
void config_handling_deinit(struct config *config);
/** Reads the files of the lookups, too: a fault in one is a fault of the site. */
void config_read_lookups(struct config_builder *builder, const struct tree *lookups);

/** After the outputs, by which people are reached. */
void config_read_people(struct config_builder *builder, const struct tree *people);
void config_people_deinit(struct config *config);
/** After the people, whom layers name. */
void config_read_schedules(struct config_builder *builder, const struct tree *schedules);
/** After the outputs; NULL: the defaults. */
void config_read_caps(struct config_builder *builder, const struct tree *caps);
/** Each entry of a map of names, of which there are at most `max`. */
void config_each_named(struct config_builder *builder, const struct tree *map, unsigned max,
		       const char *example,
		       void (*read_one)(struct config_builder *builder, const struct tree *tree));
/** `days`, `from`, `to`, `except` and `only` of a table whose names and types are right; `what`
 *  names it in messages ("a layer of schedule payments"). */
void config_read_hours(struct config_builder *builder, const struct tree *tree, const char *what,
		       struct oncall_hours *out);
/** Name of the zone of such a table, or the site's; checked. */
const char *config_read_zone(struct config_builder *builder, const struct tree *tree,
			     const char *what);

/** After the people, schedules, outputs and categories, which they name. NULL: none. */
void config_read_chains(struct config_builder *builder, const struct tree *chains);
void config_read_heartbeat(struct config_builder *builder, const struct tree *site);

/** An output of people; its options were checked against config_output_rows. */
void config_read_channel(struct config_builder *builder, const struct tree *tree,
			 struct config_output *output, enum channel_kind kind);
/** False: the site has no output of this name (reported; `what` begins the message). */
bool config_check_output(struct config_builder *builder, const struct tree *name, const char *what);
/** { 20, "1m" } or a list of such pairs into `out` (RATES_MAX); false: it is neither. */
bool config_rates(const struct tree *node, struct rate *out, uint32_t *count);
/** A secret as secret_read() wants it; NULL when it is neither a text, { env = … } nor { file = … }
 *  (reported). */
const char *config_secret_of(struct config_builder *builder, const struct tree *node,
			     const char *option, const char *owner);
/** Of an output. */
const char *config_secret(struct config_builder *builder, const struct tree *node,
			  const char *option, const char *output);

/** A header that the site may set: not one that frames the request. */
bool config_is_header_name(const char *name);

/** Links that answer a plan's question; after the doors. */
void config_read_links(struct config_builder *builder, const struct tree *site);
extern const struct option config_link_rows[];
void config_read_secrets(struct config_builder *builder, const struct tree *secrets);
extern const struct option config_secret_rows[];

/** Copies a checked list of strings into the arena; NULL list gives none. */
const char **config_copy_texts(struct config *config, const struct tree *list, uint32_t *count);
/** NULL gives NULL. */
const char *config_copy_text(struct config *config, const char *text);

/** Names of sources and outputs: letters, digits, `_ - .`, at most CONFIG_NAME_BYTES_MAX bytes. */
bool config_is_name(const char *name);
/** A path in the state directory: is its first part something that the program keeps there? */
bool config_is_own_file(const char *path);
/** "host:port" or "[v6]:port" with a port from 1 to 65535. */
bool config_is_address(const char *text);
/** "host" or "host:port". */
bool config_is_host(const char *text);
/** "http://…" or "https://…" without white space. */
bool config_is_url(const char *text);

#endif
