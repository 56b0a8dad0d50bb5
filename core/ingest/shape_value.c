/* The values that are too rare or too long for the walk's own code. */
#include "core/ingest/shape_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/ingest/decode_row.h"
#include "core/model/batch.h"
#include "core/model/timestamp.h"

const double shape_powers[SHAPE_POWERS] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool shape_keep(struct shape_run *run, const struct shape_node *node, uint32_t row,
		const struct value *value)
{
	struct decode_row out = {.batch = run->batch, .index = row, .memory = run->time};
	if (node->use & SHAPE_IS_TIME) {
		int64_t *time_ms = &run->batch->time_ms[row];
		struct slice text = {value->as.text, value->length};
		int rc = value->type == VALUE_STRING ? time_memory_parse(run->time, text, time_ms)
						     : timestamp_from_value(value, time_ms);
		if (rc)
			return false;
	}
	if (node->use & SHAPE_IS_COLUMN) {
		decode_row_store(&out, node->column, (enum field_type)node->type, node->is_number,
				 *value);
		run->mistyped += out.mistyped;
	}
	return true;
}

/** Four hex digits, or -1. */
static int32_t hex_4(const char *at)
{
	int32_t code = 0;
	for (int i = 0; i < 4; i++) {
		unsigned digit = (unsigned char)at[i], letter = (digit | 0x20) - 'a';
		if (digit - '0' <= 9)
			digit -= '0';
		else if (letter <= 5)
			digit = letter + 10;
		else
			return -1;
		code = code << 4 | (int32_t)digit;
	}
	return code;
}

/** The character of the escape at `at` ("\u", with its second half), *end behind it; or -1. */
static int32_t unicode_escape(const char *at, const char **end)
{
	int32_t code = hex_4(at + 2);
	*end = at + 6;
	if (code < 0xD800 || code > 0xDFFF)
		return code;
	if (code >= 0xDC00 || at[6] != '\\' || at[7] != 'u')
		return -1;
	int32_t low = hex_4(at + 8);
	if (low < 0xDC00 || low > 0xDFFF)
		return -1;
	*end = at + 12;
	return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

/** What a one-letter escape stands for; 0: it is none. */
static char letter_escape(char letter)
{
	switch (letter) {
	case '"':
	case '\\':
	case '/': return letter;
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return 0;
	}
}

const char *shape_escape_end(const char *at)
{
	const char *end = at + 2;
	if (at[1] == 'u')
		return unicode_escape(at, &end) < 0 ? NULL : end;
	return letter_escape(at[1]) ? end : NULL;
}

static char *put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	if (code < 0x800) {
		*out++ = (char)(0xC0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*out++ = (char)(0xE0 | code >> 12);
		} else {
			*out++ = (char)(0xF0 | code >> 18);
			*out++ = (char)(0x80 | (code >> 12 & 0x3F));
		}
		*out++ = (char)(0x80 | (code >> 6 & 0x3F));
	}
	*out++ = (char)(0x80 | (code & 0x3F));
	return out;
}

void shape_unescape(struct batch *batch, struct value *string)
{
	const char *at = string->as.text, *end = at + string->length;
	char *first = arena_alloc(&batch->strings, string->length), *out = first;
	while (at < end) {
		const char *escape = memchr(at, '\\', (size_t)(end - at));
		size_t plain = (size_t)((escape ? escape : end) - at);
		memcpy(out, at, plain);
		out += plain;
		at += plain;
		if (!escape)
			break;
		if (at[1] == 'u') {
			out = put_utf8(out, (uint32_t)unicode_escape(at, &at));
		} else {
			*out++ = letter_escape(at[1]);
			at += 2;
		}
	}
	string->as.text = first;
	string->length = (uint32_t)(out - first);
}

/* Digits are summed up to 18, the most that surely fit; more of them leave it to the parser. */
struct digit_sum {
	uint64_t sum;
	unsigned count;
};

static const char *sum_digits(const char *at, struct digit_sum *digits)
{
	for (; (unsigned)*at - '0' <= 9; at++) {
		if (++digits->count <= 18)
			digits->sum = digits->sum * 10 + ((unsigned)*at - '0');
	}
	return at;
}

/** The exponent behind "e"; far beyond every limit when it has many digits. */
static const char *exponent_parse(const char *at, int *out)
{
	struct digit_sum digits = {0};
	bool is_negative = *at == '-';
	const char *first = at + (*at == '-' || *at == '+');
	const char *end = sum_digits(first, &digits);
	if (end == first)
		return NULL;
	int exponent = digits.count > 4 ? 9999 : (int)digits.sum;
	*out = is_negative ? -exponent : exponent;
	return end;
}

const char *shape_number(const char *text, struct value *out)
{
	const uint64_t exact_end = UINT64_C(1) << 53;
	struct digit_sum digits = {0};
	int exponent = 0;
	bool is_negative = *text == '-', is_float = false;
	const char *first = text + is_negative;
	const char *at = sum_digits(first, &digits);
	if (at == first || (*first == '0' && at > first + 1))
		return NULL;
	if (*at == '.') {
		const char *fraction = ++at;
		at = sum_digits(at, &digits);
		if (at == fraction)
			return NULL;
		exponent = -(int)(at - fraction);
		is_float = true;
	}
	if (*at == 'e' || *at == 'E') {
		int written = 0;
		at = exponent_parse(at + 1, &written);
		if (!at)
			return NULL;
		exponent += written;
		is_float = true;
	}
	if (digits.count > 18)
		return NULL;
	if (!is_float) {
		int64_t integer = (int64_t)digits.sum;
		*out = (struct value){.type = VALUE_INT,
				      .as.integer = is_negative ? -integer : integer};
		return at;
	}
	if (digits.sum > exact_end || exponent <= -SHAPE_POWERS || exponent >= SHAPE_POWERS)
		return NULL;
	double number = (double)digits.sum;
	number = exponent < 0 ? number / shape_powers[-exponent] : number * shape_powers[exponent];
	*out = (struct value){.type = VALUE_FLOAT, .as.number = is_negative ? -number : number};
	return at;
}
