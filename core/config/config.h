/** config.h - the site's tocsin.lua as a struct. The contract's text: docs/site.md, alert-rules 7.
 *
 *  Owner: config_new() result is shared by count (a generation holds one reference).
 *  Everything inside is borrowed until the last config_unref().
 */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_H
#define TOCSIN_CORE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/model/schema.h"

struct channel_settings;
struct lookup;
struct oncall_person;
struct oncall_schedule;
struct option;
struct config_actions;
struct config_risk;
struct config_chain;
struct config_heartbeat;
struct config_incidents;
struct config_inhibit;
struct config_paging;
struct config_route;
struct err_note;
struct report;
struct tree;

enum {
	CONFIG_SOURCES_MAX = 64,
	CONFIG_OUTPUTS_MAX = 64,
	CONFIG_FROM_MAX = 64,
	CONFIG_LOOKUPS_MAX = 64,
	CONFIG_PEOPLE_MAX = 1000,
	CONFIG_SCHEDULES_MAX = 64
};

enum from_kind { FROM_FILE, FROM_HTTP, FROM_TCP, FROM_STDIN };

struct config_from {
	enum from_kind kind;
	const char *text; /**< glob of FROM_FILE, address of FROM_TCP, else NULL */
	int line;
};

struct config_source {
	const char *name;
	bool is_csv;
	char delimiter;
	const char **columns;
	uint32_t column_count;
	struct schema schema;
	struct config_from *from;
	uint32_t from_count;
	int64_t lateness_ms, idle_ms, max_ahead_ms;
	uint32_t line_bytes_max;
};

enum output_kind { OUTPUT_FILE, OUTPUT_STDOUT, OUTPUT_WEBHOOK, OUTPUT_CHANNEL };

struct config_output {
	const char *name;
	enum output_kind kind;
	const char *text; /**< path (relative to the state directory) or URL */
	bool has_zh_keys;
	const char *secret; /**< webhook: HMAC-SHA256 key, read at use (secret.h); NULL none */
	int64_t timeout_ms; /**< webhook, default 10 s */
	const struct channel_settings *channel; /**< OUTPUT_CHANNEL: of people; secrets not read */
};

/** A category node: "offline/restaurants"; merchants are values of the category field. */
struct config_category {
	const char *name;
	const char *parent; /**< or NULL */
	const char **members;
	uint32_t member_count;
	int line;
};

struct config_member {
	const char *value;
	const struct config_category *category;
};

/** A small table that rules look keys up in: `lookups = { vip = { csv = "lookups/vip.csv" } }`. */
struct config_lookup {
	const char *name;
	struct lookup *lookup; /**< as it was when the site was loaded */
};

struct config {
	struct arena arena;
	unsigned reference_count; /**< atomic */
	const char *file;
	const char *timezone; /**< default "UTC" */
	struct config_source *sources;
	uint32_t source_count;
	struct config_output *outputs;
	uint32_t output_count;
	struct config_category *categories;
	uint32_t category_count;
	struct config_member *members; /**< of all categories, sorted by value */
	uint32_t member_count;
	struct config_lookup *lookups;
	uint32_t lookup_count;
	const struct config_paging *paging; /**< config_paging.h; never NULL */
	struct oncall_person *people;       /**< core/oncall/person.h */
	uint32_t person_count;
	struct oncall_schedule *schedules;
	uint32_t schedule_count;
	struct config_chain *chains; /**< config_chains.h */
	uint32_t chain_count;
	const struct config_heartbeat *heartbeat; /**< or NULL */
	const char *category_field;               /**< default "merchantId" */
	struct config_route *routes;              /**< config_handling.h */
	uint32_t route_count;
	struct config_inhibit *inhibits;
	uint32_t inhibit_count;
	const struct config_incidents *incidents; /**< config_incidents.h; never NULL */
	const struct config_risk *risk;           /**< config_risk.h: config_risk() */
	const struct config_actions *actions;     /**< config_actions.h: config_actions() */
	const char *listen_http; /**< default "127.0.0.1:8787"; NULL when `http = false` */
	const char *token;       /**< HTTP bearer token (or "file:/path"); needed off loopback */
	const char *link_url;    /**< of `links`; NULL: there are none */
	const char *link_secret; /**< for secret_read() */
	int64_t link_expires_ms;
	const char *listen_control; /**< default "<state>/control.sock" when NULL */
	int64_t retention_fine_ms, retention_day_ms;
	int sync;                /**< enum kv_sync of storage.sync: commit | interval | os */
	uint32_t readers;        /**< default 1; 0 = inline */
	uint32_t versions_kept;  /**< default 10 */
	uint32_t keys_max;       /**< per metric, default 100,000 */
	const char **exec_allow; /**< absolute paths plans may run */
	uint32_t exec_allow_count;
	const char **http_allow; /**< "host" or "host:port" plan steps may call; default: none */
	uint32_t http_allow_count;
	struct config_secret {
		const char *name;
		const char *reference; /**< for secret_read(): "env:NAME", "file:/path" */
	} * secrets;
	uint32_t secret_count;
	struct {
		int64_t memory_bytes; /**< per Lua state, default 16 MiB */
		int64_t instructions; /**< per call, default 5,000,000 */
		int64_t call_ms;      /**< processor time per call: safety net, default 50 */
		uint32_t errors_max;  /**< errors in a row before quarantine, default 3 */
	} lua;
};

/** What may stand in tocsin.lua; ends with name NULL. */
const struct option *config_options(void);

/** Reads and checks; all faults go to `report`. NULL when there was any. `tree` NULL gives the
 *  defaults: no sources, no outputs. */
struct config *config_new(const struct tree *tree, const char *file, struct report *report);
struct config *config_ref(struct config *config);
void config_unref(struct config *config);

const struct config_source *config_find_source(const struct config *config, const char *name);
/** No output is a file that the program keeps in the state directory, by whatever way its path
 *  leads there (absolute, links). ERR_INVALID says which; "tocsin check" does not know the state
 *  directory, so whoever has one asks. */
int config_check_state(const struct config *config, const char *state_dir, struct err_note *why);
/** NULL: there is none. */
const char *config_find_secret(const struct config *config, const char *name);
const struct config_output *config_find_output(const struct config *config, const char *name);
const struct lookup *config_find_lookup(const struct config *config, const char *name);
const struct oncall_person *config_find_person(const struct config *config, const char *id);
const struct oncall_schedule *config_find_schedule(const struct config *config, const char *name);
/** Category of a member value, or NULL. */
const char *config_category_of(const struct config *config, const char *member);
/** The one above it, or NULL. */
const char *config_category_parent(const struct config *config, const char *category);

#endif
