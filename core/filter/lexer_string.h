/** lexer_string.h - string literals: "short", 'short' and [[long]], with Lua's escapes. */
#ifndef TOCSIN_CORE_FILTER_LEXER_STRING_H
#define TOCSIN_CORE_FILTER_LEXER_STRING_H

#include <stdbool.h>

#include "core/filter/lexer.h"

bool lexer_is_string(const struct lexer *lexer); /**< does a string begin here? */
int lexer_read_string(struct lexer *lexer, struct token *token, struct err_note *why);
int lexer_hex_digit(char c); /**< 0..15, or -1 */

/** Appends `text` as a short string that reads back as the same bytes. */
void lexer_append_quoted(struct slice text, struct bytes *out);

#endif
