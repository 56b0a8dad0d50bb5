/** lexer.h - the words of a filter expression, one at a time.
 *  Owner: the text is borrowed for the lexer's life; decoded strings live in the arena.
 *  Invariant: token.at is the byte column (from 1) of the token's first byte.
 */
#ifndef TOCSIN_CORE_FILTER_LEXER_H
#define TOCSIN_CORE_FILTER_LEXER_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/value.h"

struct arena;
struct err_note;

/** Kinds with a fixed spelling. Longer spellings stand before their own beginnings. */
#define TOKEN_SIGN_LIST(X)                                                                         \
	X(EQUAL, "==")                                                                             \
	X(UNEQUAL, "~=")                                                                           \
	X(AT_MOST, "<=")                                                                           \
	X(AT_LEAST, ">=")                                                                          \
	X(LESS, "<")                                                                               \
	X(GREATER, ">")                                                                            \
	X(PLUS, "+")                                                                               \
	X(MINUS, "-")                                                                              \
	X(TIMES, "*")                                                                              \
	X(OVER, "/")                                                                               \
	X(MODULO, "%")                                                                             \
	X(OPEN, "(")                                                                               \
	X(CLOSE, ")")                                                                              \
	X(COMMA, ",")                                                                              \
	X(COLON, ":")                                                                              \
	X(DOT, ".")

#define TOKEN_WORD_LIST(X)                                                                         \
	X(AND, "and")                                                                              \
	X(OR, "or")                                                                                \
	X(NOT, "not")                                                                              \
	X(TRUE, "true")                                                                            \
	X(FALSE, "false")                                                                          \
	X(NIL, "nil")

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_STRING,
#define TOKEN_ENUM(name, text) TOKEN_##name,
	TOKEN_SIGN_LIST(TOKEN_ENUM) TOKEN_WORD_LIST(TOKEN_ENUM)
#undef TOKEN_ENUM
};

struct token {
	enum token_kind kind;
	uint32_t at;
	struct slice text;  /**< as written */
	struct value value; /**< of a number or a string */
};

struct lexer {
	const char *text;
	const char *next;
	struct arena *arena;
};

void lexer_init(struct lexer *lexer, const char *text, struct arena *arena);
int lexer_next(struct lexer *lexer, struct token *out, struct err_note *why);

enum { TOKEN_DESCRIPTION_BYTES_MAX = 64 };

/** `"abc"`, or `the end of the expression`; cut when long, control characters replaced. */
const char *token_describe(const struct token *token, char out[TOKEN_DESCRIPTION_BYTES_MAX]);

/** A number in its one form: whole numbers within int64 are VALUE_INT, all others VALUE_FLOAT. */
struct value filter_number(double number);

#endif
