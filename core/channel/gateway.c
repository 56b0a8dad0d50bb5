#include "core/channel/channel_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/message.h"

#include <string.h>

enum { GATEWAY_LETTERS_MAX = 300 };

/* The body is the site's template; {text} in it is the whole wording in one line. */

static template_escape *escape_for(const char *content_type)
{
	if (strstr(content_type, "json") != NULL)
		return escape_json;
	if (strstr(content_type, "x-www-form-urlencoded") != NULL)
		return escape_percent;
	return escape_line;
}

static void append_wording(const struct channel *channel, const struct message_fields *fields,
			   struct bytes *out)
{
	uint32_t letters_max = channel_settings(channel)->text_max;
	struct composed composed;
	struct bytes whole = BYTES_EMPTY, line = BYTES_EMPTY;

	compose(channel, fields, true, escape_line, &composed);
	append_plain(&whole, &composed, CHANNEL_TEXT_MAX);
	escape_line(&line, bytes_slice(&whole));
	while (line.length > 0 && line.data[line.length - 1] == ' ')
		line.data[--line.length] = '\0';
	append_cut_letters(out, bytes_slice(&line),
			   letters_max > 0 ? letters_max : GATEWAY_LETTERS_MAX);
	bytes_deinit(&whole);
	bytes_deinit(&line);
	composed_deinit(&composed);
}

int build_gateway(const struct channel *channel, const struct message_fields *fields,
		  const struct channel_moment *moment, struct channel_request *out,
		  struct err_note *why)
{
	const struct channel_settings *settings = channel_settings(channel);
	const char *recipient = message_field(fields, "recipient");
	struct message_fields *call;
	struct bytes wording = BYTES_EMPTY, url = BYTES_EMPTY;

	if (recipient[0] == '\0' && settings->to_count > 0)
		recipient = settings->to[0];
	if (recipient[0] == '\0')
		return err_set(why, ERR_INVALID,
			       "The message names no recipient, and the output has no \"to\".");
	append_wording(channel, fields, &wording);
	call = message_fields_with(fields, wording.length > 0 ? wording.data : "", recipient);
	out->method = settings->method;
	template_expand_whole(settings->url, call, escape_percent, &url);
	out->url = bytes_take_text(&url);
	if (strcmp(settings->method, "GET") != 0) {
		request_header(out, mem_format("Content-Type: %s", settings->content_type));
		template_expand_whole(settings->body, call, escape_for(settings->content_type),
				      &out->body);
	}
	request_header(out, mem_format("Idempotency-Key: %s", moment->id));
	for (uint32_t i = 0; i < settings->header_count; i++)
		request_header(out, mem_format("%s: %s", settings->headers[i].name,
					       settings->headers[i].value));
	message_fields_free(call);
	bytes_deinit(&wording);
	return 0;
}
