#include "core/channel/channel_internal.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/channel/message.h"
#include "core/channel/sign.h"

#include <string.h>

static const char ellipsis[] = "…";
enum { ELLIPSIS_BYTES = sizeof(ellipsis) - 1 };

static const char *template_of(const struct channel_settings *settings,
			       const struct message_fields *fields, bool is_short)
{
	const char *event = message_field(fields, "event");
	const char *language = message_language(fields);
	bool is_zh = language != NULL ? strcmp(language, "zh") == 0 : settings->is_zh;

	for (uint32_t i = 0; i < settings->template_count; i++)
		if (strcmp(settings->templates[i].name, event) == 0)
			return settings->templates[i].value;
	return template_default(event, is_short, is_zh);
}

void compose(const struct channel *channel, const struct message_fields *fields, bool is_short,
	     template_escape *escape, struct composed *out)
{
	const char *template = template_of(channel_settings(channel), fields, is_short);
	struct bytes whole = BYTES_EMPTY;
	const char *end;

	*out = (struct composed){BYTES_EMPTY, BYTES_EMPTY};
	template_expand(template, fields, escape, &whole);
	bytes_append(&whole, "", 0);
	end = whole.length > 0 ? memchr(whole.data, '\n', whole.length) : NULL;
	if (end == NULL) {
		bytes_append_slice(&out->title, bytes_slice(&whole));
	} else {
		size_t title_length = (size_t)(end - whole.data);

		bytes_append(&out->title, whole.data, title_length);
		bytes_append(&out->text, end + 1, whole.length - title_length - 1);
	}
	bytes_deinit(&whole);
}

void composed_deinit(struct composed *composed)
{
	bytes_deinit(&composed->title);
	bytes_deinit(&composed->text);
}

/* ---- lengths ---- */

bool append_lines(struct bytes *out, struct slice text, struct line_style style, size_t bytes_max)
{
	size_t start = out->length;
	size_t at = 0;

	while (at < text.length) {
		const char *line = text.data + at;
		const char *end = memchr(line, '\n', text.length - at);
		size_t length = end != NULL ? (size_t)(end - line) : text.length - at;
		const char *before = at == 0 ? style.first : style.next;
		bool is_last = at + length >= text.length;
		size_t kept_free = is_last ? 0 : strlen(style.next) + ELLIPSIS_BYTES;

		if (out->length - start + strlen(before) + length + kept_free > bytes_max) {
			if (at == 0)
				return false;
			bytes_append_text(out, style.next);
			bytes_append_text(out, ellipsis);
			return true;
		}
		bytes_append_text(out, before);
		bytes_append(out, line, length);
		at += length + 1;
	}
	return true;
}

static size_t cut_at(struct slice text, size_t bytes_max)
{
	while (bytes_max > 0 && ((unsigned char)text.data[bytes_max] & 0xC0) == 0x80)
		bytes_max--;
	return bytes_max;
}

void append_cut(struct bytes *out, struct slice text, size_t bytes_max)
{
	if (text.length <= bytes_max) {
		bytes_append_slice(out, text);
		return;
	}
	if (bytes_max < ELLIPSIS_BYTES)
		return;
	bytes_append(out, text.data, cut_at(text, bytes_max - ELLIPSIS_BYTES));
	bytes_append_text(out, ellipsis);
}

void append_cut_letters(struct bytes *out, struct slice text, size_t letters_max)
{
	size_t letters = 0, at = 0, before_last = 0;

	while (at < text.length && letters < letters_max) {
		size_t length = utf8_length(text.data + at, text.length - at);

		before_last = at;
		at += length > 0 ? length : 1;
		letters++;
	}
	if (at >= text.length) {
		bytes_append_slice(out, text);
		return;
	}
	bytes_append(out, text.data, before_last);
	bytes_append_text(out, ellipsis);
}

void append_plain(struct bytes *out, const struct composed *composed, size_t bytes_max)
{
	struct bytes whole = BYTES_EMPTY;

	bytes_append_slice(&whole, bytes_slice(&composed->title));
	if (composed->text.length > 0) {
		bytes_append_char(&whole, '\n');
		bytes_append_slice(&whole, bytes_slice(&composed->text));
	}
	append_cut(out, bytes_slice(&whole), bytes_max);
	bytes_deinit(&whole);
}

/* ---- escapes ---- */

void escape_none(struct bytes *out, struct slice value)
{
	bytes_append_slice(out, value);
}

/** The markdown of the robots has no escapes, so what would be markup becomes a look-alike: no
 *  tag (mention, colour, picture), no link. */
void escape_markdown(struct bytes *out, struct slice value)
{
	for (size_t i = 0; i < value.length; i++) {
		char c = value.data[i];

		if (c == '<')
			bytes_append_text(out, "＜");
		else if (c == ']' && i + 1 < value.length && value.data[i + 1] == '(')
			bytes_append_text(out, "］");
		else
			bytes_append_char(out, c);
	}
}

/** api.slack.com/reference/surfaces/formatting#escaping */
void escape_slack(struct bytes *out, struct slice value)
{
	for (size_t i = 0; i < value.length; i++) {
		switch (value.data[i]) {
		case '&': bytes_append_text(out, "&amp;"); break;
		case '<': bytes_append_text(out, "&lt;"); break;
		case '>': bytes_append_text(out, "&gt;"); break;
		default: bytes_append_char(out, value.data[i]);
		}
	}
}

void escape_json(struct bytes *out, struct slice value)
{
	struct bytes quoted = BYTES_EMPTY;

	utf8_append_json(&quoted, value);
	bytes_append(out, quoted.data + 1, quoted.length - 2);
	bytes_deinit(&quoted);
}

void escape_percent(struct bytes *out, struct slice value)
{
	sign_append_percent(out, value);
}

void escape_line(struct bytes *out, struct slice value)
{
	for (size_t i = 0; i < value.length; i++)
		bytes_append_char(
			out, value.data[i] == '\n' || value.data[i] == '\t' ? ' ' : value.data[i]);
}
