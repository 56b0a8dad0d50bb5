#include "core/channel/channel_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/channel/message.h"
#include "core/channel/sign.h"

#include <string.h>
#include <time.h>

/* RFC 5322, 2045 and 2047. Texts of the message stand in two places: in the subject, which is
 * encoded unless it is printable ASCII, and in the body, which is base64; so neither can end a
 * header or the mail. Addresses are checked. */

enum {
	SUBJECT_LETTERS_MAX = 150,
	WORD_BYTES_MAX = 39, /* of text in one encoded word of 75 characters with its frame */
	LINE_BYTES = 57,     /* become 76 characters of base64 */
	ADDRESS_BYTES_MAX = 254,
};

bool channel_is_address(const char *text)
{
	const char *at = strrchr(text, '@');
	size_t length = strlen(text);

	if (at == NULL || at == text || at[1] == '\0' || length > ADDRESS_BYTES_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c >= 0x7f || strchr("<>()[],;:\\\"", c) != NULL)
			return false;
	}
	return strchr(text, '@') == at;
}

static bool is_plain_ascii(struct slice text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	/* What looks like an encoded word would be decoded. */
	return memmem(text.data, text.length, "=?", 2) == NULL;
}

/** "=?UTF-8?B?…?=" words, one a line; none is cut within a letter. */
static void append_encoded(struct bytes *out, struct slice text)
{
	for (size_t at = 0; at < text.length;) {
		size_t length = 0;

		while (at + length < text.length) {
			size_t letter =
				utf8_length(text.data + at + length, text.length - at - length);

			letter = letter > 0 ? letter : 1;
			if (length + letter > WORD_BYTES_MAX)
				break;
			length += letter;
		}
		bytes_append_text(out, at > 0 ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
		sign_append_base64(out, (struct slice){text.data + at, length});
		bytes_append_text(out, "?=");
		at += length;
	}
}

static void append_subject(struct bytes *out, struct slice title)
{
	struct bytes line = BYTES_EMPTY, subject = BYTES_EMPTY;

	escape_line(&line, title);
	append_cut_letters(&subject, bytes_slice(&line), SUBJECT_LETTERS_MAX);
	bytes_append_text(out, "Subject: ");
	if (is_plain_ascii(bytes_slice(&subject)) && subject.length <= 65)
		bytes_append_slice(out, bytes_slice(&subject));
	else
		append_encoded(out, bytes_slice(&subject));
	bytes_append_text(out, "\r\n");
	bytes_deinit(&line);
	bytes_deinit(&subject);
}

static void append_date(struct bytes *out, int64_t wall_ms)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm now;

	gmtime_r(&seconds, &now);
	bytes_append_format(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[now.tm_wday],
			    now.tm_mday, months[now.tm_mon], 1900 + now.tm_year, now.tm_hour,
			    now.tm_min, now.tm_sec);
}

/** Stable ids: a mail that came twice is told, and all of an incident stand in one thread. */
static void append_ids(struct bytes *out, const struct channel_settings *settings,
		       const struct message_fields *fields, const char *id)
{
	const char *domain = strrchr(settings->from, '@') + 1;
	uint64_t incident = message_incident(fields);

	bytes_append_text(out, "Message-ID: <");
	sign_append_percent(out, slice_of(id));
	bytes_append_format(out, "@%s>\r\n", domain);
	if (incident > 0)
		bytes_append_format(out,
				    "References: <incident-%llu@%s>\r\n"
				    "In-Reply-To: <incident-%llu@%s>\r\n",
				    (unsigned long long)incident, domain,
				    (unsigned long long)incident, domain);
}

static void append_headers(struct bytes *out, const struct channel_settings *settings,
			   const struct message_fields *fields, const struct channel_moment *moment,
			   struct channel_request *request, struct slice title)
{
	append_date(out, moment->wall_ms);
	bytes_append_format(out, "From: Tocsin <%s>\r\n", settings->from);
	for (uint32_t i = 0; i < request->to_count; i++)
		bytes_append_format(out, "%s<%s>", i == 0 ? "To: " : ",\r\n ", request->to[i]);
	bytes_append_text(out, "\r\n");
	append_subject(out, title);
	append_ids(out, settings, fields, moment->id);
	bytes_append_text(out, "Auto-Submitted: auto-generated\r\n"
			       "MIME-Version: 1.0\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\n"
			       "Content-Transfer-Encoding: base64\r\n\r\n");
}

static void append_body(struct bytes *out, struct slice text)
{
	for (size_t at = 0; at < text.length; at += LINE_BYTES) {
		size_t left = text.length - at;

		sign_append_base64(
			out, (struct slice){text.data + at, left < LINE_BYTES ? left : LINE_BYTES});
		bytes_append_text(out, "\r\n");
	}
}

static int put_addresses(const struct channel_settings *settings, const char *recipient,
			 struct channel_request *out, struct err_note *why)
{
	if (recipient[0] != '\0' && !channel_is_address(recipient))
		return err_set(why, ERR_INVALID, "\"%.100s\" is no mail address.", recipient);
	if (recipient[0] != '\0')
		out->to[out->to_count++] = mem_copy_text(recipient);
	for (uint32_t i = 0; recipient[0] == '\0' && i < settings->to_count; i++)
		out->to[out->to_count++] = mem_copy_text(settings->to[i]);
	return 0;
}

int build_mail(const struct channel *channel, const struct message_fields *fields,
	       const struct channel_moment *moment, struct channel_request *out,
	       struct err_note *why)
{
	static const struct line_style lines = {"\r\n\r\n", "\r\n"};
	const struct channel_settings *settings = channel_settings(channel);
	size_t limit = settings->text_max > 0 ? settings->text_max : CHANNEL_TEXT_MAX;
	struct composed composed;
	struct bytes text = BYTES_EMPTY;
	int code = put_addresses(settings, message_field(fields, "recipient"), out, why);

	if (code != 0)
		return code;
	compose(channel, fields, false, escape_none, &composed);
	out->method = "SMTP";
	out->url = mem_copy_text(settings->url);
	append_headers(&out->body, settings, fields, moment, out, bytes_slice(&composed.title));
	append_cut(&text, bytes_slice(&composed.title), limit);
	if (text.length < limit &&
	    !append_lines(&text, bytes_slice(&composed.text), lines, limit - text.length))
		append_cut(&text, bytes_slice(&composed.text), limit - text.length);
	bytes_append_text(&text, "\r\n");
	append_body(&out->body, bytes_slice(&text));
	bytes_deinit(&text);
	composed_deinit(&composed);
	return 0;
}
