/** pattern.h - Lua patterns on PCRE2, so that no pattern can run away.
 *
 *  LuaJIT's own matcher is one C call that nothing interrupts: ".-.-.-.-b" over 3,000 letters
 *  takes minutes.
 *  Here a pattern is translated to a regex and run with a match limit for each start position, a
 *  heap limit, and a look at the call's budget at every start position.
 *  All of Lua 5.1's syntax is covered: classes (also %z and %g), sets, anchors, * + - ?,
 *  captures, position captures, %1-%9, %bxy and %f[set]. Bytes, not characters; the C locale's
 *  classes.
 *  Owner: a cache belongs to one script_state. Compiled patterns are borrowed until the next
 *  pattern_get().
 */
#ifndef TOCSIN_LUA_API_PATTERN_H
#define TOCSIN_LUA_API_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err_note;
struct pattern_cache;
struct script_state;

enum {
	PATTERN_BYTES_MAX = 1024,
	PATTERN_CAPTURES_MAX = 32,
	PATTERN_CACHE_MAX = 64,
	PATTERN_STEPS_MAX = 200000, /**< for each start position, about 4 ms at worst */
	PATTERN_HEAP_KIB_MAX = 2048,
};

struct pattern; /**< compiled */

/** Where a match is, as byte offsets; an open capture never leaves the translator. */
struct pattern_match {
	size_t start, end;
	int capture_count;
	struct {
		size_t start, end;
		bool is_position; /**< `()`: only `start` counts */
	} captures[PATTERN_CAPTURES_MAX];
};

struct pattern_cache *pattern_cache_new(void);
void pattern_cache_free(struct pattern_cache *cache);

/** ERR_INVALID: malformed; ERR_RANGE: too long or too many captures. `has_anchor`: a leading ^ is
 *  one (not in gmatch). */
int pattern_get(struct pattern_cache *cache, const char *text, size_t length, bool has_anchor,
		const struct pattern **out, struct err_note *why);

/** First match at or after `from`: 1 found, 0 none; ERR_FULL: the match limit; ERR_BUDGET: the
 *  call's budget (then budget_charge() raises). */
int pattern_run(struct script_state *state, const struct pattern *pattern, const char *subject,
		size_t length, size_t from, struct pattern_match *out);
bool pattern_is_anchored(const struct pattern *pattern);

/** The regex a pattern becomes; for tests. Owned text, or NULL. */
char *pattern_translate(const char *text, size_t length, struct err_note *why);

#endif
