#include "lua/api/pattern_translate.h"

#include "core/base/err.h"

#include <ctype.h>
#include <string.h>

/* A set of bytes: every class and every [set] becomes one, so no quoting rule of PCRE2 can
 * interfere. */
struct byte_set {
	bool has[256];
};

struct cursor {
	const unsigned char *at, *end;
	struct translation *out;
	struct err_note *why;
};

/* The C locale's classes, whatever the process's locale is. */
static bool is_in_class(int letter, int c)
{
	bool is_ascii = c < 128;

	switch (letter) {
	case 'a': return is_ascii && isalpha(c);
	case 'c': return is_ascii && iscntrl(c);
	case 'd': return is_ascii && isdigit(c);
	case 'g': return is_ascii && isgraph(c);
	case 'l': return is_ascii && islower(c);
	case 'p': return is_ascii && ispunct(c);
	case 's': return is_ascii && isspace(c);
	case 'u': return is_ascii && isupper(c);
	case 'w': return is_ascii && isalnum(c);
	case 'x': return is_ascii && isxdigit(c);
	case 'z': return c == 0;
	default: return false;
	}
}

/* %d, %D, or an escaped byte. */
static void set_add_escape(struct byte_set *set, int letter)
{
	int lower = letter < 128 ? tolower(letter) : letter;

	if (letter >= 128 || !strchr("acdglpsuwxz", lower) || lower == 0) {
		set->has[letter] = true;
		return;
	}
	for (int c = 0; c < 256; c++)
		if (is_in_class(lower, c) == (letter == lower))
			set->has[c] = true;
}

static void append_byte(struct bytes *regex, int c)
{
	bytes_append_format(regex, "\\x%02x", (unsigned)c);
}

static void append_set(struct bytes *regex, const struct byte_set *set, bool is_negated)
{
	int count = 0;

	for (int c = 0; c < 256; c++)
		count += set->has[c] != is_negated;
	if (count == 256) {
		bytes_append_text(regex, ".");
		return;
	}
	if (count == 0) {
		bytes_append_text(regex, "(?!)");
		return;
	}
	bytes_append_char(regex, '[');
	for (int c = 0; c < 256; c++) {
		int last = c;

		if (set->has[c] == is_negated)
			continue;
		while (last < 255 && set->has[last + 1] != is_negated)
			last++;
		append_byte(regex, c);
		if (last > c) {
			bytes_append_char(regex, '-');
			append_byte(regex, last);
		}
		c = last;
	}
	bytes_append_char(regex, ']');
}

/* After '['. As in Lua, a ']' in the first place is an ordinary byte. */
static int read_set(struct cursor *cursor, struct byte_set *set)
{
	bool is_negated = false, is_first = true;

	if (cursor->at < cursor->end && *cursor->at == '^') {
		is_negated = true;
		cursor->at++;
	}
	for (;; is_first = false) {
		int c;

		if (cursor->at >= cursor->end)
			return err_set(cursor->why, ERR_INVALID, "malformed pattern (missing ']')");
		c = *cursor->at++;
		if (c == ']' && !is_first)
			break;
		if (c == '%') {
			if (cursor->at >= cursor->end)
				return err_set(cursor->why, ERR_INVALID,
					       "malformed pattern (missing ']')");
			set_add_escape(set, *cursor->at++);
			continue;
		}
		if (cursor->end - cursor->at >= 2 && cursor->at[0] == '-' && cursor->at[1] != ']') {
			for (int i = c; i <= cursor->at[1]; i++)
				set->has[i] = true;
			cursor->at += 2;
			continue;
		}
		set->has[c] = true;
	}
	if (is_negated)
		for (int c = 0; c < 256; c++)
			set->has[c] = !set->has[c];
	return 0;
}

/* %bxy: the shortest balanced text, without a way back into it. */
static int append_balanced(struct cursor *cursor)
{
	struct bytes *regex = &cursor->out->regex;
	struct byte_set set = {{false}};
	int open, close;

	if (cursor->end - cursor->at < 2)
		return err_set(cursor->why, ERR_INVALID, "unbalanced pattern: %%b needs two bytes");
	open = cursor->at[0];
	close = cursor->at[1];
	cursor->at += 2;
	set.has[open] = set.has[close] = true;
	if (open == close) {
		append_byte(regex, open);
		append_set(regex, &set, true);
		bytes_append_text(regex, "*+");
		append_byte(regex, open);
		return 0;
	}
	cursor->out->group_count++;
	bytes_append_char(regex, '(');
	append_byte(regex, open);
	bytes_append_text(regex, "(?>");
	append_set(regex, &set, true);
	bytes_append_format(regex, "++|(?%d))*+", cursor->out->group_count);
	append_byte(regex, close);
	bytes_append_char(regex, ')');
	return 0;
}

/* %f[set]: the byte before is outside, the byte after inside; both ends count as '\0'. */
static int append_frontier(struct cursor *cursor)
{
	struct bytes *regex = &cursor->out->regex;
	struct byte_set set = {{false}};
	int code;

	if (cursor->at >= cursor->end || *cursor->at != '[')
		return err_set(cursor->why, ERR_INVALID, "missing '[' after '%%f' in pattern");
	cursor->at++;
	code = read_set(cursor, &set);
	if (code != 0)
		return code;
	bytes_append_text(regex, set.has[0] ? "(?<=" : "(?<!");
	append_set(regex, &set, set.has[0]);
	bytes_append_text(regex, set.has[0] ? ")(?!" : ")(?=");
	append_set(regex, &set, set.has[0]);
	bytes_append_char(regex, ')');
	return 0;
}

static int append_back_reference(struct cursor *cursor, int digit)
{
	int index = digit - '1';

	if (index < 0 || index >= cursor->out->capture_count ||
	    !cursor->out->captures[index].is_closed || cursor->out->captures[index].is_position)
		return err_set(cursor->why, ERR_INVALID, "invalid capture index %%%c in pattern",
			       digit);
	bytes_append_format(&cursor->out->regex, "\\g{%d}", cursor->out->captures[index].group);
	return 0;
}

static int append_open(struct cursor *cursor)
{
	struct translation *out = cursor->out;
	bool is_position = cursor->at < cursor->end && *cursor->at == ')';

	if (out->capture_count == PATTERN_CAPTURES_MAX)
		return err_set(cursor->why, ERR_RANGE, "too many captures (the limit is %d)",
			       PATTERN_CAPTURES_MAX);
	out->group_count++;
	out->captures[out->capture_count].group = out->group_count;
	out->captures[out->capture_count].is_position = is_position;
	out->captures[out->capture_count].is_closed = is_position;
	out->capture_count++;
	bytes_append_text(&out->regex, is_position ? "()" : "(");
	cursor->at += is_position;
	return 0;
}

static int append_close(struct cursor *cursor)
{
	struct translation *out = cursor->out;

	for (int i = out->capture_count - 1; i >= 0; i--) {
		if (out->captures[i].is_closed)
			continue;
		out->captures[i].is_closed = true;
		bytes_append_char(&out->regex, ')');
		return 0;
	}
	return err_set(cursor->why, ERR_INVALID, "invalid pattern capture: ')' without '('");
}

/* One byte, class or set, and the quantifier behind it. */
static int append_single(struct cursor *cursor, int c)
{
	struct bytes *regex = &cursor->out->regex;
	struct byte_set set = {{false}};
	int code;

	if (c == '.') {
		bytes_append_char(regex, '.');
	} else if (c == '[') {
		code = read_set(cursor, &set);
		if (code != 0)
			return code;
		append_set(regex, &set, false);
	} else if (c == '%') {
		set_add_escape(&set, *cursor->at++);
		append_set(regex, &set, false);
	} else {
		append_byte(regex, c);
	}
	if (cursor->at >= cursor->end)
		return 0;
	switch (*cursor->at) {
	case '*': bytes_append_char(regex, '*'); break;
	case '+': bytes_append_char(regex, '+'); break;
	case '?': bytes_append_char(regex, '?'); break;
	case '-': bytes_append_text(regex, "*?"); break;
	default: return 0;
	}
	cursor->at++;
	return 0;
}

static int append_item(struct cursor *cursor)
{
	int c = *cursor->at++;

	switch (c) {
	case '(': return append_open(cursor);
	case ')': return append_close(cursor);
	case '$':
		if (cursor->at < cursor->end)
			return append_single(cursor, c);
		bytes_append_text(&cursor->out->regex, "\\z");
		return 0;
	case '%':
		if (cursor->at >= cursor->end)
			return err_set(cursor->why, ERR_INVALID,
				       "malformed pattern (ends with '%%')");
		c = *cursor->at;
		if (c == 'b' || c == 'f' || isdigit(c))
			cursor->at++;
		if (c == 'b')
			return append_balanced(cursor);
		if (c == 'f')
			return append_frontier(cursor);
		if (isdigit(c))
			return append_back_reference(cursor, c);
		return append_single(cursor, '%');
	default: return append_single(cursor, c);
	}
}

int translate_pattern(const char *text, size_t length, bool has_anchor, struct translation *out,
		      struct err_note *why)
{
	struct cursor cursor = {(const unsigned char *)text, (const unsigned char *)text + length,
				out, why};

	memset(out, 0, sizeof(*out));
	bytes_init(&out->regex);
	if (length > PATTERN_BYTES_MAX)
		return err_set(why, ERR_RANGE, "pattern of %zu bytes is longer than %d", length,
			       PATTERN_BYTES_MAX);
	/* The callout lets the budget look at every start position. */
	bytes_append_text(&out->regex, "(?C1)");
	if (has_anchor && length > 0 && text[0] == '^') {
		out->is_anchored = true;
		cursor.at++;
	}
	while (cursor.at < cursor.end) {
		int code = append_item(&cursor);

		if (code != 0)
			return code;
	}
	for (int i = 0; i < out->capture_count; i++)
		if (!out->captures[i].is_closed)
			return err_set(why, ERR_INVALID, "unfinished capture: '(' without ')'");
	return 0;
}
