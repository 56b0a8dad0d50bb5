#include "core/filter/lexer.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/number.h"
#include "core/filter/lexer_string.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_SOURCE_BYTES_MAX = 96, SHOWN_BYTES_MAX = 40, UTF8_BYTES_MAX = 4 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes from 0x80 are letters, as in LuaJIT, so that a field may be named in any language. */
static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_name_byte(char c)
{
	return is_name_start(c) || is_digit(c);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void lexer_init(struct lexer *lexer, const char *text, struct arena *arena)
{
	*lexer = (struct lexer){.text = text, .next = text, .arena = arena};
}

struct value filter_number(double number)
{
	/* 2^63 is the first double above every int64. */
	if (number >= -0x1p63 && number < 0x1p63 && number == (double)(int64_t)number)
		return (struct value){.type = VALUE_INT, .as.integer = (int64_t)number};
	return (struct value){.type = VALUE_FLOAT, .as.number = number};
}

const char *token_describe(const struct token *token, char out[TOKEN_DESCRIPTION_BYTES_MAX])
{
	size_t shown = token->text.length < SHOWN_BYTES_MAX ? token->text.length : SHOWN_BYTES_MAX;
	size_t length = 0;

	if (token->kind == TOKEN_END) {
		snprintf(out, TOKEN_DESCRIPTION_BYTES_MAX, "the end of the expression");
		return out;
	}
	/* A cut never splits a UTF-8 character; what is no UTF-8 at all is cut anywhere. */
	while (shown < token->text.length && shown > SHOWN_BYTES_MAX - UTF8_BYTES_MAX &&
	       (token->text.data[shown] & 0xc0) == 0x80)
		shown--;
	out[length++] = '`';
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)token->text.data[i];

		out[length++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	snprintf(out + length, TOKEN_DESCRIPTION_BYTES_MAX - length, "%s`",
		 shown < token->text.length ? "..." : "");
	return out;
}

static int fail_number(const struct token *token, int code, struct err_note *why)
{
	char found[TOKEN_DESCRIPTION_BYTES_MAX];

	return err_set(why, code,
		       "column %u: %s is not a number; allowed are forms like 12, 0.5, 1e6 and "
		       "0xff, up to 1.7e308",
		       token->at, token_describe(token, found));
}

static int read_hex(struct token *token, struct err_note *why)
{
	uint64_t number = 0;

	if (token->text.length < 3 || token->text.length > 18)
		return fail_number(token, ERR_INVALID, why);
	for (size_t i = 2; i < token->text.length; i++) {
		int digit = lexer_hex_digit(token->text.data[i]);

		if (digit < 0)
			return fail_number(token, ERR_INVALID, why);
		number = number << 4 | (uint64_t)digit;
	}
	token->value = number > INT64_MAX
			       ? filter_number((double)number)
			       : (struct value){.type = VALUE_INT, .as.integer = (int64_t)number};
	return 0;
}

/* Rewrites ".5" and "5." into the plain decimal that number_parse() reads. */
static bool normalise_decimal(struct slice text, char *out, size_t *length)
{
	size_t i = 0, n = 0, whole, fraction = 0;

	while (i < text.length && is_digit(text.data[i]))
		out[n++] = text.data[i++];
	whole = n;
	if (whole == 0)
		out[n++] = '0';
	if (i < text.length && text.data[i] == '.') {
		out[n++] = text.data[i++];
		while (i < text.length && is_digit(text.data[i])) {
			out[n++] = text.data[i++];
			fraction++;
		}
		if (fraction == 0)
			out[n++] = '0';
	}
	if (whole + fraction == 0)
		return false;
	if (i < text.length && (text.data[i] | 0x20) == 'e') {
		out[n++] = 'e';
		i++;
		if (i < text.length && (text.data[i] == '+' || text.data[i] == '-'))
			out[n++] = text.data[i++];
		if (i == text.length)
			return false;
		while (i < text.length && is_digit(text.data[i]))
			out[n++] = text.data[i++];
	}
	*length = n;
	return i == text.length;
}

static int read_number(struct lexer *lexer, struct token *token, struct err_note *why)
{
	const char *p = lexer->next;
	bool is_hex = p[0] == '0' && (p[1] | 0x20) == 'x';
	char decimal[NUMBER_SOURCE_BYTES_MAX + 4];
	size_t length;
	double number;

	/* As Lua does: take everything that could belong to a number, then judge it as a whole. */
	while (is_name_byte(*p) || *p == '.' ||
	       (!is_hex && (*p == '+' || *p == '-') && (p[-1] | 0x20) == 'e'))
		p++;
	token->kind = TOKEN_NUMBER;
	token->text = (struct slice){lexer->next, (size_t)(p - lexer->next)};
	lexer->next = p;
	if (is_hex)
		return read_hex(token, why);
	if (token->text.length > NUMBER_SOURCE_BYTES_MAX)
		return fail_number(token, ERR_RANGE, why);
	if (!normalise_decimal(token->text, decimal, &length))
		return fail_number(token, ERR_INVALID, why);
	if (number_parse_int((struct slice){decimal, length}, &token->value.as.integer) == 0) {
		token->value.type = VALUE_INT;
		return 0;
	}
	if (number_parse((struct slice){decimal, length}, &number) != 0)
		return fail_number(token, ERR_RANGE, why);
	token->value = filter_number(number);
	return 0;
}

static void read_name(struct lexer *lexer, struct token *token)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} words[] = {
#define TOKEN_ROW(name, text) {text, TOKEN_##name},
		TOKEN_WORD_LIST(TOKEN_ROW)
#undef TOKEN_ROW
	};
	const char *p = lexer->next;

	while (is_name_byte(*p))
		p++;
	token->kind = TOKEN_NAME;
	token->text = (struct slice){lexer->next, (size_t)(p - lexer->next)};
	lexer->next = p;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_equal(token->text, slice_of(words[i].text)))
			token->kind = words[i].kind;
}

/* What people write who think of another language. */
static const char *advice_for(const char *p)
{
	static const struct {
		const char *text, *advice;
	} habits[] = {
		{"--", "comments are not part of a filter; for a double minus write `- -`"},
		{"!=", "not equal is written `~=`"},
		{"<>", "not equal is written `~=`"},
		{"=", "equal is written `==`"},
		{"&", "write `and`"},
		{"|", "write `or`"},
		{"!", "write `not`"},
		{"~", "not equal is written `~=`"},
		{"..", "strings cannot be joined in a filter"},
		{"[", "nested fields are written `a.b`; list elements cannot be read"},
	};

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (strncmp(p, habits[i].text, strlen(habits[i].text)) == 0)
			return habits[i].advice;
	return "allowed are == ~= < <= > >= + - * / % ( ) , : . and or not, "
	       "fields, numbers and strings";
}

static int read_sign(struct lexer *lexer, struct token *token, struct err_note *why)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} signs[] = {
#define TOKEN_ROW(name, text) {text, TOKEN_##name},
		TOKEN_SIGN_LIST(TOKEN_ROW)
#undef TOKEN_ROW
	};
	const char *p = lexer->next;
	bool is_refused =
		strncmp(p, "--", 2) == 0 || strncmp(p, "..", 2) == 0 || strncmp(p, "<>", 2) == 0;

	for (size_t i = 0; !is_refused && i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t length = strlen(signs[i].text);

		if (strncmp(p, signs[i].text, length) != 0)
			continue;
		token->kind = signs[i].kind;
		token->text = (struct slice){p, length};
		lexer->next = p + length;
		return 0;
	}
	return err_set(why, ERR_INVALID, "column %u: found `%c`: %s", token->at,
		       *p < 0x20 || *p == 0x7f ? '?' : *p, advice_for(p));
}

int lexer_next(struct lexer *lexer, struct token *out, struct err_note *why)
{
	struct token token = {.kind = TOKEN_END};
	int err = 0;

	while (is_space(*lexer->next))
		lexer->next++;
	token.at = (uint32_t)(lexer->next - lexer->text) + 1;
	if (*lexer->next == '\0')
		token.text = (struct slice){lexer->next, 0};
	else if (is_digit(lexer->next[0]) || (lexer->next[0] == '.' && is_digit(lexer->next[1])))
		err = read_number(lexer, &token, why);
	else if (is_name_start(*lexer->next))
		read_name(lexer, &token);
	else if (lexer_is_string(lexer))
		err = lexer_read_string(lexer, &token, why);
	else
		err = read_sign(lexer, &token, why);
	if (err == 0)
		*out = token;
	return err;
}
