#include "core/channel/channel_internal.h"

#include <string.h>

static const char mask[] = "***";

/** Values of the query, but for the two that are no secret. */
static void append_query(struct bytes *out, const char *query)
{
	while (*query != '\0') {
		size_t length = strcspn(query, "&");
		size_t name_length = strcspn(query, "=&");
		bool is_open =
			strncmp(query, "timestamp=", 10) == 0 || strncmp(query, "sign=", 5) == 0;

		bytes_append(out, query, is_open ? length : name_length);
		if (!is_open && name_length < length)
			bytes_append_format(out, "=%s", mask);
		query += length;
		if (*query == '&')
			bytes_append_char(out, *query++);
	}
}

static void append_url(const struct channel_settings *settings, const char *url, struct bytes *out)
{
	const char *host = strstr(url, "://");
	const char *query = strchrnul(url, '?');
	const char *last = query;
	bool has_path_key = settings->token == NULL &&
			    (settings->kind == CHANNEL_FEISHU || settings->kind == CHANNEL_SLACK);

	host = host != NULL ? host + 3 : url;
	/* "user:password@host" */
	const char *user_end = memchr(host, '@', strcspn(host, "/?"));

	if (user_end != NULL) {
		bytes_append(out, url, (size_t)(host - url));
		bytes_append_text(out, mask);
		url = user_end;
	}
	while (has_path_key && last > host && last[-1] != '/')
		last--;
	/* Nobody knows where in a gateway's URL its key is. */
	if (settings->kind == CHANNEL_GATEWAY && settings->is_url_hidden) {
		last = host + strcspn(host, "/?");
		last += last < query;
		has_path_key = true;
	}
	if (has_path_key && last > host && last < query) {
		bytes_append(out, url, (size_t)(last - url));
		bytes_append_text(out, mask);
	} else {
		bytes_append(out, url, (size_t)(query - url));
	}
	if (*query == '?') {
		bytes_append_char(out, '?');
		append_query(out, query + 1);
	}
}

static bool is_own_header(const char *header)
{
	return strncmp(header, "Content-Type: ", 14) == 0 ||
	       strncmp(header, "Idempotency-Key: ", 17) == 0;
}

static void append_envelope(const struct channel_settings *settings,
			    const struct channel_request *request, struct bytes *out)
{
	if (settings->user != NULL)
		bytes_append_format(out, "AUTH %s %s\n", settings->user,
				    settings->password != NULL ? mask : "");
	bytes_append_format(out, "MAIL FROM:<%s>\n", settings->from);
	for (uint32_t i = 0; i < request->to_count; i++)
		bytes_append_format(out, "RCPT TO:<%s>\n", request->to[i]);
}

void channel_request_print(const struct channel *channel, const struct channel_request *request,
			   struct bytes *out)
{
	const struct channel_settings *settings = channel_settings(channel);

	bytes_append_text(out, request->method);
	if (request->url != NULL) {
		bytes_append_char(out, ' ');
		append_url(settings, request->url, out);
	}
	bytes_append_char(out, '\n');
	if (settings->kind == CHANNEL_MAIL)
		append_envelope(settings, request, out);
	for (uint32_t i = 0; i < request->header_count; i++) {
		const char *header = request->headers[i];

		if (is_own_header(header))
			bytes_append_format(out, "%s\n", header);
		else
			bytes_append_format(out, "%.*s: %s\n", (int)strcspn(header, ":"), header,
					    mask);
	}
	bytes_append_char(out, '\n');
	bytes_append_slice(out, bytes_slice(&request->body));
	if (request->body.length == 0 || request->body.data[request->body.length - 1] != '\n')
		bytes_append_char(out, '\n');
}
