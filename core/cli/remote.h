/** remote.h - what the verbs that ask the daemon have in common: options, the call, tables. */
#ifndef TOCSIN_CORE_CLI_REMOTE_H
#define TOCSIN_CORE_CLI_REMOTE_H

#include <jansson.h>
#include <stdbool.h>

enum { REMOTE_WORDS_MAX = 4, REMOTE_TIMEOUT_MS = 60000, REMOTE_TRY_TIMEOUT_MS = 2000 };

/** Options and words of one command line. Texts are borrowed from argv. */
struct remote {
	const char *help;
	const char *state_dir; /**< --state, TOCSIN_STATE, or "state" */
	const char *socket;    /**< --socket, or <state>/control.sock */
	const char *reason;    /**< --reason */
	const char *at;        /**< --at */
	const char *value;     /**< --value */
	const char *revision;  /**< --revision */
	const char *site_dir;  /**< --site */
	const char *type;      /**< --type */
	const char *rule;      /**< --rule */
	const char *limit;     /**< --limit */
	const char *key;       /**< --key */
	const char *as;        /**< --as */
	const char *ask;       /**< --ask */
	const char *since;     /**< --since */
	const char *by;        /**< --by */
	const char *incident;  /**< --incident */
	const char *params;    /**< --params */
	const char *to;        /**< --to */
	bool is_json;
	bool has_all;                        /**< --all */
	bool rolls_back;                     /**< --rollback */
	bool is_forced;                      /**< --force */
	bool has_active;                     /**< --active */
	bool waits;                          /**< --wait */
	bool is_plan;                        /**< --plan */
	bool has_editor;                     /**< --editor */
	bool stops;                          /**< --stop */
	bool compares;                       /**< --compare */
	const char *words[REMOTE_WORDS_MAX]; /**< what is no option */
	int word_count;
};

/** No options: the daemon of TOCSIN_STATE, or "state". */
void remote_init(struct remote *remote, const char *help);
/** Reads options and words. -1: go on; otherwise the exit code (help or an error was printed). */
int remote_parse(struct remote *remote, int argc, char **argv, const char *help);

/** Says that the first word is no command of the verb (or is missing), and the help. EXIT_USAGE. */
int remote_no_command(const struct remote *remote, const char *verb);

/** Asks the daemon; takes `args`. EXIT_DONE and a new *result, or another exit code: the error was
 *  printed. */
int remote_call(const struct remote *remote, const char *verb, json_t *args, json_t **result);

/** The same without a word when there is no daemon, or when it refuses: the result, or NULL. */
json_t *remote_try(const struct remote *remote, const char *verb, json_t *args);

/** Prints the result as JSON (--json), one document. */
void remote_print_json(const json_t *result);

/** A file of the site: its lines stay, what a terminal would obey becomes \xNN. */
void remote_print_source(const char *text);
/** "-" for null; numbers, booleans and texts as they read. Control characters are shown as \xNN. */
void remote_print_value(const json_t *value);
/** A table of members of each object in `rows`; `columns` ends with NULL: "member" or
 *  "member=TITLE". */
void remote_print_table(const json_t *rows, const char *const *columns);

/** "name@3" into its parts; version 0 when absent. false: not a version. */
bool remote_split_version(const char *word, char *name, size_t name_bytes, json_int_t *version);

#endif
