#include "core/base/err.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The analyzer sees macros; see err.h. */
#undef err_set
#undef err_errno

/* The new text is made aside first: callers may pass why->text itself as an argument. */
static void note_store(struct err_note *why, const char *text, size_t length)
{
	if (length >= sizeof(why->text)) {
		length = sizeof(why->text) - 1;
		/* Do not cut a UTF-8 sequence in two: the sentence may go into a JSON document. */
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
	}
	memcpy(why->text, text, length);
	why->text[length] = '\0';
}

static size_t note_length(int printed, size_t text_bytes)
{
	if (printed < 0)
		return 0;
	return (size_t)printed < text_bytes ? (size_t)printed : text_bytes - 1;
}

int err_vset(struct err_note *why, int code, const char *format, va_list args)
{
	char text[ERR_NOTE_BYTES_MAX * 2];

	if (why == NULL)
		return code;
	int printed = vsnprintf(text, sizeof(text), format, args);
	note_store(why, text, note_length(printed, sizeof(text)));
	return code;
}

int err_set(struct err_note *why, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	err_vset(why, code, format, args);
	va_end(args);
	return code;
}

int err_errno(struct err_note *why, int code, int number, const char *format, ...)
{
	char reason_room[128];
	va_list args;

	if (why == NULL)
		return code;
	va_start(args, format);
	err_vset(why, code, format, args);
	va_end(args);
	const char *reason = strerror_r(number, reason_room, sizeof(reason_room));
	return err_set(why, code, "%s: %s", why->text, reason);
}

void err_prefix(struct err_note *why, const char *format, ...)
{
	struct err_note context;
	va_list args;

	if (why == NULL)
		return;
	va_start(args, format);
	err_vset(&context, 0, format, args);
	va_end(args);
	err_set(why, 0, "%s: %s", context.text, why->text);
}

const char *err_name(int code)
{
	switch (code) {
	case ERR_OK: return "OK";
#define ERR_CASE(name, number, sentence)                                                           \
	case ERR_##name: return "ERR_" #name;
		ERR_LIST(ERR_CASE)
#undef ERR_CASE
	}
	return "ERR_UNKNOWN";
}

const char *err_sentence(int code)
{
	switch (code) {
	case ERR_OK: return "it worked";
#define ERR_CASE(name, number, sentence)                                                           \
	case ERR_##name: return sentence;
		ERR_LIST(ERR_CASE)
#undef ERR_CASE
	}
	return "an unknown failure";
}
