#include "core/filter/lexer_string.h"

#include "core/base/arena.h"
#include "core/base/err.h"

#include <string.h>

/* Length of "[[" or "[==[" at p, 0 when there is none. */
static size_t long_bracket(const char *p, char bracket)
{
	size_t length = 1;

	if (*p != bracket)
		return 0;
	while (p[length] == '=')
		length++;
	return p[length] == bracket ? length + 1 : 0;
}

bool lexer_is_string(const struct lexer *lexer)
{
	return *lexer->next == '"' || *lexer->next == '\'' || long_bracket(lexer->next, '[') > 0;
}

int lexer_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static void finish(struct lexer *lexer, struct token *token, const char *end, char *text,
		   size_t length)
{
	text[length] = '\0';
	token->kind = TOKEN_STRING;
	token->text = (struct slice){lexer->next, (size_t)(end - lexer->next)};
	token->value =
		(struct value){.type = VALUE_STRING, .length = (uint32_t)length, .as.text = text};
	lexer->next = end;
}

static int read_long(struct lexer *lexer, struct token *token, struct err_note *why)
{
	size_t level = long_bracket(lexer->next, '[');
	const char *begin = lexer->next + level, *p;

	/* Lua drops a line end right after the opening. */
	if (*begin == '\r')
		begin++;
	if (*begin == '\n')
		begin++;
	for (p = begin; *p != '\0'; p++) {
		size_t length = (size_t)(p - begin);

		if (long_bracket(p, ']') != level)
			continue;
		finish(lexer, token, p + level, arena_copy(lexer->arena, begin, length), length);
		return 0;
	}
	return err_set(why, ERR_INVALID,
		       "column %u: the string that begins here has no end `]%.*s]`", token->at,
		       (int)level - 2, lexer->next + 1);
}

static int read_decimal_escape(const char **cursor, char *out)
{
	unsigned code = 0;
	const char *p = *cursor;

	for (int i = 0; i < 3 && *p >= '0' && *p <= '9'; i++)
		code = code * 10 + (unsigned)(*p++ - '0');
	*cursor = p;
	*out = (char)code;
	return code > 255 ? ERR_INVALID : 0;
}

/* *cursor stands behind the backslash. */
static int read_escape(const char **cursor, char *out)
{
	static const char names[] = "abfnrtv\\\"'\n", bytes[] = "\a\b\f\n\r\t\v\\\"'\n";
	const char *p = *cursor, *name;

	if (*p >= '0' && *p <= '9')
		return read_decimal_escape(cursor, out);
	if (*p == 'x') {
		int high = lexer_hex_digit(p[1]);
		int low = high < 0 ? -1 : lexer_hex_digit(p[2]);

		*out = (char)(high * 16 + low);
		*cursor = p + 3;
		return low < 0 ? ERR_INVALID : 0;
	}
	name = *p == '\0' ? NULL : strchr(names, *p);
	if (name == NULL)
		return ERR_INVALID;
	*out = bytes[name - names];
	*cursor = p + 1;
	return 0;
}

static int read_short(struct lexer *lexer, struct token *token, struct err_note *why)
{
	char quote = *lexer->next;
	const char *p = lexer->next + 1;
	char *text = arena_alloc(lexer->arena, strlen(p) + 1);
	size_t length = 0;

	while (*p != quote) {
		const char *escape = p + 1;

		if (*p == '\0' || *p == '\n')
			return err_set(why, ERR_INVALID,
				       "column %u: the string that begins here has no closing %c",
				       token->at, quote);
		if (*p != '\\') {
			text[length++] = *p++;
			continue;
		}
		if (read_escape(&escape, &text[length++]) != 0)
			return err_set(
				why, ERR_INVALID,
				"column %u: this escape is not known; allowed are \\a \\b \\f "
				"\\n \\r \\t \\v \\\\ \\\" \\' \\ddd (up to 255) and \\xhh; a "
				"backslash of a regex is written \\\\, or the string [[so]]",
				(uint32_t)(p - lexer->text) + 1);
		p = escape;
	}
	finish(lexer, token, p + 1, text, length);
	return 0;
}

int lexer_read_string(struct lexer *lexer, struct token *token, struct err_note *why)
{
	return *lexer->next == '[' ? read_long(lexer, token, why) : read_short(lexer, token, why);
}

void lexer_append_quoted(struct slice text, struct bytes *out)
{
	bytes_append_char(out, '"');
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '"' || c == '\\') {
			bytes_append_char(out, '\\');
			bytes_append_char(out, (char)c);
		} else if (c == '\n') {
			bytes_append_text(out, "\\n");
		} else if (c < 0x20 || c == 0x7f) {
			bytes_append_format(out, "\\%03u", c);
		} else {
			bytes_append_char(out, (char)c);
		}
	}
	bytes_append_char(out, '"');
}
