#include "lua/host/lua_lexer.h"

#include <ctype.h>
#include <string.h>

struct lua_lexer lua_lexer_of(const char *text, size_t length)
{
	struct lua_lexer lexer = {.at = text, .end = text + length, .next_line = 1};

	if (length > 0 && text[0] == '#') /* a script's first line */
		while (lexer.at < lexer.end && *lexer.at != '\n')
			lexer.at++;
	return lexer;
}

static void advance(struct lua_lexer *lexer)
{
	lexer->next_line += *lexer->at == '\n';
	lexer->at++;
}

/* At '[': the level of a long bracket "[==[", or -1. */
static int long_level(const struct lua_lexer *lexer)
{
	const char *at = lexer->at + 1;

	while (at < lexer->end && *at == '=')
		at++;
	return at < lexer->end && *at == '[' ? (int)(at - lexer->at) - 1 : -1;
}

static void read_long(struct lua_lexer *lexer, int level)
{
	const char *start;

	lexer->at += level + 2;
	start = lexer->at;
	for (; lexer->at < lexer->end; advance(lexer)) {
		const char *at = lexer->at;

		if (*at != ']')
			continue;
		at++;
		while (at < lexer->end && *at == '=')
			at++;
		if (at >= lexer->end || *at != ']' || at - lexer->at - 1 != level)
			continue;
		lexer->text = (struct slice){start, (size_t)(lexer->at - start)};
		lexer->at = at + 1;
		return;
	}
	lexer->text = (struct slice){start, (size_t)(lexer->end - start)};
}

static void read_quoted(struct lua_lexer *lexer)
{
	char quote = *lexer->at++;
	const char *start = lexer->at;

	while (lexer->at < lexer->end && *lexer->at != quote && *lexer->at != '\n') {
		if (*lexer->at == '\\' && lexer->at + 1 < lexer->end)
			advance(lexer);
		advance(lexer);
	}
	lexer->text = (struct slice){start, (size_t)(lexer->at - start)};
	if (lexer->at < lexer->end)
		advance(lexer);
}

static void skip_space(struct lua_lexer *lexer)
{
	while (lexer->at < lexer->end) {
		if (isspace((unsigned char)*lexer->at)) {
			advance(lexer);
			continue;
		}
		if (lexer->end - lexer->at < 2 || lexer->at[0] != '-' || lexer->at[1] != '-')
			return;
		lexer->at += 2;
		if (lexer->at < lexer->end && *lexer->at == '[' && long_level(lexer) >= 0) {
			read_long(lexer, long_level(lexer));
			continue;
		}
		while (lexer->at < lexer->end && *lexer->at != '\n')
			lexer->at++;
	}
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 128;
}

void lua_lexer_next(struct lua_lexer *lexer)
{
	const char *start;

	skip_space(lexer);
	lexer->line = lexer->next_line;
	lexer->sign = '\0';
	start = lexer->at;
	if (lexer->at >= lexer->end) {
		lexer->token = LUA_TOKEN_END;
		return;
	}
	if (*start == '"' || *start == '\'') {
		lexer->token = LUA_TOKEN_STRING;
		read_quoted(lexer);
		return;
	}
	if (*start == '[' && long_level(lexer) >= 0) {
		lexer->token = LUA_TOKEN_STRING;
		read_long(lexer, long_level(lexer));
		return;
	}
	if (is_name_byte(*start)) {
		bool is_number = isdigit((unsigned char)*start);

		/* "1e-5" ends at the sign here; for finding keys that is no matter. */
		while (lexer->at < lexer->end &&
		       (is_name_byte(*lexer->at) || (is_number && *lexer->at == '.')))
			lexer->at++;
		lexer->token = is_number ? LUA_TOKEN_NUMBER : LUA_TOKEN_NAME;
		lexer->text = (struct slice){start, (size_t)(lexer->at - start)};
		return;
	}
	lexer->token = LUA_TOKEN_SIGN;
	lexer->sign = *start;
	lexer->text = (struct slice){start, 1};
	lexer->at++;
	/* "==" is not an assignment: take its second sign along. */
	if (lexer->at < lexer->end && *lexer->at == '=' && strchr("=~<>", *start)) {
		lexer->sign = '?';
		lexer->at++;
	}
}
