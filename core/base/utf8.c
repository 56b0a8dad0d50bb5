#include "core/base/utf8.h"

size_t utf8_length(const char *text, size_t left)
{
	const unsigned char *data = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xBF;
	size_t length;

	if (data[0] < 0x80)
		return 1;
	if (data[0] < 0xC2 || data[0] > 0xF4)
		return 0;
	length = data[0] < 0xE0 ? 2 : data[0] < 0xF0 ? 3 : 4;
	if (data[0] == 0xE0)
		low = 0xA0;
	else if (data[0] == 0xED)
		high = 0x9F;
	else if (data[0] == 0xF0)
		low = 0x90;
	else if (data[0] == 0xF4)
		high = 0x8F;
	if (left < length || data[1] < low || data[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((data[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

bool utf8_is_valid(struct slice text)
{
	for (size_t at = 0, length; at < text.length; at += length) {
		length = utf8_length(text.data + at, text.length - at);
		if (length == 0)
			return false;
	}
	return true;
}

static void append_escaped(struct bytes *out, unsigned char c)
{
	switch (c) {
	case '"': bytes_append_text(out, "\\\""); break;
	case '\\': bytes_append_text(out, "\\\\"); break;
	case '\n': bytes_append_text(out, "\\n"); break;
	case '\r': bytes_append_text(out, "\\r"); break;
	case '\t': bytes_append_text(out, "\\t"); break;
	default: bytes_append_format(out, "\\u%04x", c); break;
	}
}

void utf8_append_json(struct bytes *out, struct slice text)
{
	size_t at = 0;

	bytes_append_char(out, '"');
	while (at < text.length) {
		unsigned char c = (unsigned char)text.data[at];
		size_t length = utf8_length(text.data + at, text.length - at);
		bool is_plain = c >= 0x20 && c != '"' && c != '\\' && c != 0x7F;

		if (length == 0)
			bytes_append_text(out, UTF8_REPLACEMENT);
		else if (is_plain)
			bytes_append(out, text.data + at, length);
		else
			append_escaped(out, c);
		at += length > 0 ? length : 1;
	}
	bytes_append_char(out, '"');
}
