/* C++ for <charconv> alone: std::to_chars gives the shortest digits that read back (Ryu) and
 * std::from_chars reads without a locale. printf("%.17g") and strtod were rejected: up to three
 * tries per number, and both follow the process's locale. */
extern "C" {
#include "core/base/number.h"
}

#include <charconv>
#include <cmath>
#include <cstring>

extern "C" {
#include "core/base/err.h"
}

namespace
{

constexpr double EXACT_INTEGER_END = 9007199254740992.0; /* 2^53 */

/* The layout of Python's repr: plain from 1e-4 up to 1e16, else with an exponent. */
constexpr int PLAIN_EXPONENT_MIN = -4;
constexpr int PLAIN_EXPONENT_END = 16;

bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct writer {
	char *at;
	void put(char c) { *at++ = c; }
	void put(const char *text, int length)
	{
		std::memcpy(at, text, static_cast<size_t>(length));
		at += length;
	}
	void zeros(int count)
	{
		for (; count > 0; count--)
			put('0');
	}
};

void put_plain(writer &out, const char *digits, int count, int exponent)
{
	if (exponent < 0) {
		out.put("0.", 2);
		out.zeros(-exponent - 1);
		out.put(digits, count);
	} else if (count <= exponent + 1) {
		out.put(digits, count);
		out.zeros(exponent + 1 - count);
		out.put(".0", 2);
	} else {
		out.put(digits, exponent + 1);
		out.put('.');
		out.put(digits + exponent + 1, count - exponent - 1);
	}
}

/* Length of the decimal number at the start, so that "inf", "nan" and "0x1" are refused; 0: none */
size_t decimal_length(const char *at, size_t length)
{
	size_t i = 0, digits = 0;

	if (i < length && at[i] == '-')
		i++;
	for (; i < length && is_digit(at[i]); i++)
		digits++;
	if (i < length && at[i] == '.')
		for (i++; i < length && is_digit(at[i]); i++)
			digits++;
	if (digits == 0)
		return 0;
	if (i < length && (at[i] == 'e' || at[i] == 'E')) {
		size_t exponent = i + 1;

		if (exponent < length && (at[exponent] == '-' || at[exponent] == '+'))
			exponent++;
		if (exponent == length || !is_digit(at[exponent]))
			return 0;
		for (i = exponent; i < length && is_digit(at[i]); i++)
			;
	}
	return i;
}

} // namespace

extern "C" int number_format(double value, char out[NUMBER_TEXT_BYTES_MAX])
{
	char *end = out;

	if (!std::isfinite(value)) {
		std::memcpy(out, "null", 5);
		return 4;
	}
	if (std::fabs(value) < EXACT_INTEGER_END && std::trunc(value) == value) {
		end = std::to_chars(out, out + NUMBER_TEXT_BYTES_MAX - 1,
				    static_cast<int64_t>(value))
			      .ptr;
		*end = '\0';
		return static_cast<int>(end - out);
	}
	char text[NUMBER_TEXT_BYTES_MAX];
	char *text_end = std::to_chars(text, text + sizeof(text), std::fabs(value),
				       std::chars_format::scientific)
				 .ptr;
	char *mark =
		static_cast<char *>(std::memchr(text, 'e', static_cast<size_t>(text_end - text)));
	int exponent = 0;
	std::from_chars(mark[1] == '+' ? mark + 2 : mark + 1, text_end, exponent);

	writer writer{out};
	if (value < 0)
		writer.put('-');
	if (exponent < PLAIN_EXPONENT_MIN || exponent >= PLAIN_EXPONENT_END) {
		writer.put(text, static_cast<int>(text_end - text));
	} else {
		int count = static_cast<int>(mark - text);

		if (count > 1) { /* "d.ddd": close the gap of the point */
			std::memmove(text + 1, text + 2, static_cast<size_t>(count - 2));
			count--;
		}
		put_plain(writer, text, count, exponent);
	}
	*writer.at = '\0';
	return static_cast<int>(writer.at - out);
}

extern "C" int number_parse(struct slice text, double *out)
{
	double value = 0;

	if (text.length == 0 || decimal_length(text.data, text.length) != text.length)
		return ERR_INVALID;
	auto result = std::from_chars(text.data, text.data + text.length, value);
	if (result.ec == std::errc::result_out_of_range || !std::isfinite(value))
		return ERR_RANGE;
	if (result.ec != std::errc() || result.ptr != text.data + text.length)
		return ERR_INVALID;
	*out = value;
	return 0;
}

extern "C" int number_parse_int(struct slice text, int64_t *out)
{
	int64_t value = 0;

	if (text.length == 0)
		return ERR_INVALID;
	auto result = std::from_chars(text.data, text.data + text.length, value);
	if (result.ptr != text.data + text.length || result.ec == std::errc::invalid_argument)
		return ERR_INVALID;
	if (result.ec == std::errc::result_out_of_range)
		return ERR_RANGE;
	*out = value;
	return 0;
}
