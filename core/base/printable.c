#include "core/base/printable.h"

/* Bytes of the character at `at`, or 0 when it is none; the end of the text is a zero byte. */
static int character_length(const unsigned char *at)
{
	int length = at[0] < 0x80                     ? 1
		     : at[0] >= 0xC2 && at[0] <= 0xDF ? 2
		     : at[0] >= 0xE0 && at[0] <= 0xEF ? 3
		     : at[0] >= 0xF0 && at[0] <= 0xF4 ? 4
						      : 0;

	for (int i = 1; i < length; i++)
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

void printable_append(struct bytes *out, const char *text, bool keeps_lines)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		int length = character_length(at);
		bool is_kept = keeps_lines && (*at == '\n' || *at == '\t');
		bool is_c1 = length == 2 && at[0] == 0xC2 && at[1] <= 0x9F;

		if (length == 0 || is_c1 || *at == 0x7F || (*at < 0x20 && !is_kept))
			bytes_append_format(out, "\\x%02x", at[is_c1]);
		else
			bytes_append(out, at, (size_t)length);
		at += length == 0 ? 1 : length;
	}
}
