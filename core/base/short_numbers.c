#include "core/base/short_numbers.h"

#include "core/base/number.h"

#include <string.h>

/** Length of the string that begins at `text[0]`, both quotes included. */
static size_t string_length(const char *text, size_t left)
{
	size_t i = 1;
	while (i < left && text[i] != '"')
		i += text[i] == '\\' ? 2 : 1;
	return i < left ? i + 1 : left;
}

static size_t number_length(const char *text, size_t left)
{
	size_t i = 0;
	while (i < left && text[i] != '\0' && strchr("+-.0123456789Ee", text[i]) != NULL)
		i++;
	return i;
}

static bool is_real(struct slice text)
{
	return memchr(text.data, '.', text.length) != NULL ||
	       memchr(text.data, 'e', text.length) != NULL ||
	       memchr(text.data, 'E', text.length) != NULL;
}

static void append_number(struct bytes *out, struct slice text)
{
	char number[NUMBER_TEXT_BYTES_MAX];
	double value;
	if (!is_real(text) || number_parse(text, &value) != 0) {
		bytes_append_slice(out, text);
		return;
	}
	int length = number_format(value, number);
	struct slice formatted = {number, (size_t)length};
	bytes_append_slice(out, formatted);
	if (!is_real(formatted))
		bytes_append_text(out, ".0");
}

void short_numbers_append(struct bytes *out, struct slice json)
{
	for (size_t i = 0; i < json.length;) {
		const char *at = json.data + i;
		size_t left = json.length - i, length = 1;
		if (*at == '"') {
			length = string_length(at, left);
			bytes_append(out, at, length);
		} else if (*at == '-' || (*at >= '0' && *at <= '9')) {
			length = number_length(at, left);
			append_number(out, (struct slice){at, length});
		} else {
			bytes_append_char(out, *at);
		}
		i += length;
	}
}
