/** pattern_translate.h - one Lua pattern as PCRE2 syntax, for pattern.c. */
#ifndef TOCSIN_LUA_API_PATTERN_TRANSLATE_H
#define TOCSIN_LUA_API_PATTERN_TRANSLATE_H

#include "lua/api/pattern.h"

#include "core/base/bytes.h"

struct translation {
	struct bytes regex;
	bool is_anchored;
	int capture_count;
	int group_count; /**< groups of the regex; %b adds some of its own */
	struct {
		int group;
		bool is_position, is_closed;
	} captures[PATTERN_CAPTURES_MAX];
};

/** `out->regex` is initialised by the callee and owned by the caller, also on failure. */
int translate_pattern(const char *text, size_t length, bool has_anchor, struct translation *out,
		      struct err_note *why);

#endif
