#include "core/ingest/decode_fault.h"

#include <stddef.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/number.h"
#include "core/ingest/decode.h"
#include "core/ingest/decode_json.h"

/* Reads with one bit per open bracket, so that no depth of input can exhaust the stack. */
struct cursor {
	const char *start;
	const char *at;
	const char *end;
	const char *fault; /**< reason, NULL while there is none */
	uint32_t depth;
	bool is_object[DECODE_DEPTH_MAX];
};

static bool cursor_fail(struct cursor *cursor, const char *reason)
{
	if (!cursor->fault)
		cursor->fault = reason;
	return false;
}

static void cursor_skip_space(struct cursor *cursor)
{
	while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) && *cursor->at)
		cursor->at++;
}

static bool cursor_is(const struct cursor *cursor, char c)
{
	return cursor->at < cursor->end && *cursor->at == c;
}

static int hex4(const struct cursor *cursor, const char *at)
{
	int code = 0;
	if (cursor->end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdefABCDEF";
		const char *digit = at[i] ? strchr(digits, at[i]) : NULL;
		if (!digit)
			return -1;
		int value = (int)(digit - digits);
		code = code * 16 + (value > 15 ? value - 6 : value);
	}
	return code;
}

static bool read_unicode(struct cursor *cursor)
{
	int code = hex4(cursor, cursor->at + 1);
	if (code < 0)
		return cursor_fail(cursor, "\\u needs four hexadecimal digits");
	if (code >= 0xDC00 && code <= 0xDFFF)
		return cursor_fail(cursor, "\\u escape of half a surrogate pair");
	cursor->at += 5;
	if (code < 0xD800 || code > 0xDBFF)
		return true;
	int low = cursor_is(cursor, '\\') && cursor->end - cursor->at > 1 && cursor->at[1] == 'u'
			  ? hex4(cursor, cursor->at + 2)
			  : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return cursor_fail(cursor, "\\u escape of half a surrogate pair");
	cursor->at += 6;
	return true;
}

static bool read_string(struct cursor *cursor)
{
	if (!cursor_is(cursor, '"'))
		return cursor_fail(cursor, "a name in double quotes is expected");
	const char *start = cursor->at++;
	while (cursor->at < cursor->end) {
		unsigned char c = (unsigned char)*cursor->at;
		if (c == '"') {
			cursor->at++;
			return true;
		}
		if (c < 0x20)
			return cursor_fail(cursor, "a control character in a string");
		cursor->at++;
		if (c != '\\' || cursor->at == cursor->end)
			continue;
		if (cursor_is(cursor, 'u')) {
			if (!read_unicode(cursor))
				return false;
		} else if (*cursor->at && strchr("\"\\/bfnrt", *cursor->at)) {
			cursor->at++;
		} else {
			return cursor_fail(cursor, "an unknown escape in a string");
		}
	}
	cursor->at = start;
	return cursor_fail(cursor, "a string that does not end");
}

static size_t read_digits(struct cursor *cursor)
{
	const char *start = cursor->at;
	while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
		cursor->at++;
	return (size_t)(cursor->at - start);
}

static bool read_number(struct cursor *cursor)
{
	const char *start = cursor->at;
	bool is_right = true;
	double value;
	cursor->at += cursor_is(cursor, '-');
	bool has_zero = cursor_is(cursor, '0');
	size_t digits = read_digits(cursor);
	is_right = digits == 1 || (digits > 1 && !has_zero);
	if (is_right && cursor_is(cursor, '.')) {
		cursor->at++;
		is_right = read_digits(cursor) > 0;
	}
	if (is_right && (cursor_is(cursor, 'e') || cursor_is(cursor, 'E'))) {
		cursor->at++;
		cursor->at += cursor_is(cursor, '+') || cursor_is(cursor, '-');
		is_right = read_digits(cursor) > 0;
	}
	struct slice text = {start, (size_t)(cursor->at - start)};
	/* Too small is 0 and right; what is too large is told where that is plain to see. */
	bool is_small = has_zero || memmem(text.data, text.length, "e-", 2) ||
			memmem(text.data, text.length, "E-", 2);
	if (is_right && !is_small && number_parse(text, &value) == ERR_RANGE)
		is_right = false;
	if (is_right)
		return true;
	cursor->at = start;
	return cursor_fail(cursor, "a number that is not well formed or too large");
}

static bool read_word(struct cursor *cursor, const char *word)
{
	size_t length = strlen(word);
	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0)
		return cursor_fail(cursor, "an unknown word; true, false and null are allowed");
	cursor->at += length;
	return true;
}

static bool open_bracket(struct cursor *cursor)
{
	if (cursor->depth == DECODE_DEPTH_MAX)
		return cursor_fail(cursor, "nested too deeply");
	cursor->is_object[cursor->depth++] = *cursor->at++ == '{';
	return true;
}

/** The name and colon before a value in an object. */
static bool read_name(struct cursor *cursor)
{
	cursor_skip_space(cursor);
	if (!read_string(cursor))
		return false;
	cursor_skip_space(cursor);
	if (!cursor_is(cursor, ':'))
		return cursor_fail(cursor, "':' is expected after a name");
	cursor->at++;
	return true;
}

/** One scalar, or the opening of a compound with a value to follow (*is_open). */
static bool read_value(struct cursor *cursor, bool *is_open)
{
	*is_open = false;
	cursor_skip_space(cursor);
	if (cursor->at == cursor->end)
		return cursor_fail(cursor, "the line ends where a value is expected");
	switch (*cursor->at) {
	case '"': return read_string(cursor);
	case 't': return read_word(cursor, "true");
	case 'f': return read_word(cursor, "false");
	case 'n': return read_word(cursor, "null");
	case '{':
	case '[':
		if (!open_bracket(cursor))
			return false;
		cursor_skip_space(cursor);
		if (cursor_is(cursor, cursor->is_object[cursor->depth - 1] ? '}' : ']')) {
			cursor->at++;
			cursor->depth--;
			return true;
		}
		*is_open = true;
		return !cursor->is_object[cursor->depth - 1] || read_name(cursor);
	default: break;
	}
	if (*cursor->at == '-' || (*cursor->at >= '0' && *cursor->at <= '9'))
		return read_number(cursor);
	return cursor_fail(cursor, "a value is expected");
}

/** What follows a value: closing brackets, then a comma (*has_more) or the end of the line. */
static bool read_after_value(struct cursor *cursor, bool *has_more)
{
	*has_more = false;
	for (;; cursor->at++, cursor->depth--) {
		cursor_skip_space(cursor);
		if (cursor->depth == 0)
			return cursor->at == cursor->end ||
			       cursor_fail(cursor, "text after the end of the object");
		bool in_object = cursor->is_object[cursor->depth - 1];
		if (cursor_is(cursor, ',')) {
			cursor->at++;
			*has_more = true;
			return !in_object || read_name(cursor);
		}
		if (!cursor_is(cursor, in_object ? '}' : ']'))
			return cursor_fail(cursor, cursor->at == cursor->end
							   ? "the line ends inside an object"
						   : in_object ? "',' or '}' is expected"
							       : "',' or ']' is expected");
	}
}

static const char *find_broken_utf8(struct slice line)
{
	const char *end = line.data + line.length;
	for (const char *at = line.data; at < end;) {
		unsigned char lead = (unsigned char)*at;
		size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
		if ((size_t)(end - at) < length || !json_is_utf8((struct slice){at, length}))
			return at;
		at += length;
	}
	return NULL;
}

bool decode_fault_explain(struct slice line, struct err_note *why)
{
	struct cursor cursor = {
		.start = line.data, .at = line.data, .end = line.data + line.length};
	bool is_open, has_more = true;
	const char *broken = find_broken_utf8(line);
	if (broken) {
		cursor.at = broken;
		cursor.fault = "bytes that are not UTF-8";
		has_more = false;
	}
	while (has_more && read_value(&cursor, &is_open))
		if (!is_open && !read_after_value(&cursor, &has_more))
			break;
	if (!cursor.fault)
		return false;
	err_set(why, ERR_INVALID, "column %zu: %s", (size_t)(cursor.at - cursor.start) + 1,
		cursor.fault);
	return true;
}
