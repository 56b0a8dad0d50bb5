/** options.h - one row per option: name, type, range or choices, help. Checks a tree against rows.
 *
 *  Reports every fault as `file:line: text`: unknown key (with the nearest known one and the list),
 *  wrong type (what was found, what is allowed, an example), a value outside its choices, a missing
 *  required key.
 */
#ifndef TOCSIN_CORE_CONFIG_OPTIONS_H
#define TOCSIN_CORE_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct report;
struct tree;

enum option_type {
	OPTION_TEXT,
	OPTION_BOOL,
	OPTION_INT,
	OPTION_NUMBER,
	OPTION_SPAN,    /**< span_parse */
	OPTION_WINDOW,  /**< span_parse_window */
	OPTION_CHOICE,  /**< one of `choices` */
	OPTION_CHOICES, /**< one of them, or a list of some */
	OPTION_TEXT_LIST,
	OPTION_TABLE, /**< a map, checked by its own rows later */
	OPTION_LIST,  /**< a list of anything, checked later */
	OPTION_FUNCTION,
	OPTION_ANY,
};

struct option {
	const char *name;
	enum option_type type;
	bool is_required;
	double min, max;            /**< INT, NUMBER, SPAN in ms; both 0 = no range */
	const char *const *choices; /**< NULL-terminated */
	const char *example;        /**< as it would be written in the file */
	const char *help;           /**< NULL: written by the program, never offered in a message */
	const char *lua_type;       /**< for editors, where `type` says too little; or NULL */
	const struct option *rows;  /**< of a table or list: what its entries may be; or NULL */
	bool is_named;              /**< … each of which has a name of the author's choice */
};

/** Checks `map` against `rows` (ends with name NULL); `what` names it in messages ("source pay").
 *  Returns the number of faults added to `report`. */
int options_check(const struct tree *map, const struct option *rows, const char *file,
		  const char *what, struct report *report);

/** Typed reading after a check; the default when absent. Texts are borrowed from the tree. */
const char *option_text(const struct tree *map, const char *name, const char *otherwise);
bool option_bool(const struct tree *map, const char *name, bool otherwise);
int64_t option_int(const struct tree *map, const char *name, int64_t otherwise);
int64_t option_span_ms(const struct tree *map, const char *name, int64_t otherwise);

#endif
