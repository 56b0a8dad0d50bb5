/** lua_lexer.h - tokens of Lua source with their lines: just enough for key_lines. Never fails. */
#ifndef TOCSIN_LUA_HOST_LUA_LEXER_H
#define TOCSIN_LUA_HOST_LUA_LEXER_H

#include <stddef.h>

#include "core/base/bytes.h"

enum lua_token {
	LUA_TOKEN_END,
	LUA_TOKEN_NAME,   /**< keywords too */
	LUA_TOKEN_STRING, /**< `text` is the content as written, without its quotes */
	LUA_TOKEN_NUMBER,
	LUA_TOKEN_SIGN, /**< one byte in `sign` */
};

struct lua_lexer {
	const char *at, *end;
	int next_line;
	enum lua_token token;
	struct slice text;
	char sign;
	int line;
};

struct lua_lexer lua_lexer_of(const char *text, size_t length);
void lua_lexer_next(struct lua_lexer *lexer);

#endif
