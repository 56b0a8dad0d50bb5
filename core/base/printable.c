#include "core/base/printable.h"

#include "core/base/utf8.h"

#include <string.h>

void printable_append(struct bytes *out, const char *text, bool keeps_lines)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);

	while (at < end) {
		size_t length = utf8_length((const char *)at, (size_t)(end - at));
		bool is_kept = keeps_lines && (*at == '\n' || *at == '\t');
		bool is_c1 = length == 2 && at[0] == 0xC2 && at[1] <= 0x9F;

		if (length == 0 || is_c1 || *at == 0x7F || (*at < 0x20 && !is_kept))
			bytes_append_format(out, "\\x%02x", at[is_c1]);
		else
			bytes_append(out, at, length);
		at += length == 0 ? 1 : length;
	}
}
