#include "core/channel/channel.h"

#include "channel_fixture.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/message.h"

#include <criterion/criterion.h>

#include <string.h>

static const char *const to[] = {"duty@example.com", "boss@example.com"};
static const struct channel_settings mail = {
	.kind = CHANNEL_MAIL,
	.url = "smtps://smtp.example.com:465",
	.from = "tocsin@example.com",
	.to = to,
	.to_count = 2,
};

Test(mail, is_as_rfc_5322_wants_it)
{
	/* The base64 is Python's. */
	fixture_expect_body(&mail,
			    "{\"event\":\"notice\",\"title\":\"disk full\",\"text\":\"on a1\"}",
			    "Date: Wed, 25 Dec 2019 08:23:56 +0000\r\n"
			    "From: Tocsin <tocsin@example.com>\r\n"
			    "To: <duty@example.com>,\r\n <boss@example.com>\r\n"
			    "Subject: disk full\r\n"
			    "Message-ID: <row-1@example.com>\r\n"
			    "Auto-Submitted: auto-generated\r\n"
			    "MIME-Version: 1.0\r\n"
			    "Content-Type: text/plain; charset=utf-8\r\n"
			    "Content-Transfer-Encoding: base64\r\n\r\n"
			    "ZGlzayBmdWxsDQoNCm9uIGExDQo=\r\n");
}

Test(mail, the_mails_of_an_incident_are_one_thread)
{
	struct channel_request request;

	fixture_build(&mail, "{\"event\":\"opened\",\"title\":\"a\",\"incident\":{\"number\":7}}",
		      &request);
	cr_expect_not_null(
		strstr(request.body.data, "\r\nReferences: <incident-7@example.com>\r\n"));
	channel_request_deinit(&request);
}

/** The header block has exactly these names. */
static void expect_headers(const char *row, uint32_t count)
{
	struct channel_request request;
	uint32_t found = 0;
	const char *line;

	fixture_build(&mail, row, &request);
	line = request.body.data;
	while (strncmp(line, "\r\n", 2) != 0) {
		const char *end = strstr(line, "\r\n");

		cr_assert(end);
		cr_expect_leq(end - line, 78, "%.*s", (int)(end - line), line);
		found += line[0] != ' ';
		cr_expect_null(memmem(line, (size_t)(end - line), "\n", 1));
		cr_expect_neq(strncasecmp(line, "bcc", 3), 0, "%s", request.body.data);
		line = end + 2;
	}
	cr_expect_eq(found, count, "%s", request.body.data);
	for (line += 2; *line != '\0'; line++)
		cr_expect(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789+/=\r\n",
				 *line));
	channel_request_deinit(&request);
}

Test(mail, a_text_cannot_add_a_header_or_end_the_mail)
{
	char *row = fixture_long_row("\\r\\n.\\r\\nBcc: x@y.z\\r\\n", 3, 50);

	expect_headers("{\"event\":\"notice\",\"title\":\"a\\r\\nBcc: x@y.z\\r\\n\\r\\nb\"}", 9);
	expect_headers(
		"{\"event\":\"notice\",\"title\":\"a\\nBcc: x@y.z\",\"text\":\"\\n.\\nQUIT\"}", 9);
	expect_headers("{\"event\":\"notice\",\"title\":\"=?UTF-8?B?DQpCY2M6?=\"}", 9);
	expect_headers("{\"event\":\"notice\",\"title\":\"中文中文中文中文中文中文中文中文中文中文"
		       "中文中文中文中文中文中文中文中文中文中文中文中文\"}",
		       9);
	expect_headers(row, 9);
	mem_free(row);
}

Test(mail, an_address_that_is_none_is_refused)
{
	static const char *const rows[] = {
		"{\"event\":\"notice\",\"text\":\"a\",\"recipient\":\"a@b.c\\r\\nBcc: x@y.z\"}",
		"{\"event\":\"notice\",\"text\":\"a\",\"recipient\":\"a@b.c, d@e.f\"}",
		"{\"event\":\"notice\",\"text\":\"a\",\"recipient\":\"<a@b.c>\"}",
		"{\"event\":\"notice\",\"text\":\"a\",\"recipient\":\"nobody\"}",
		"{\"event\":\"notice\",\"text\":\"a\",\"recipient\":\"a@b@c\"}",
	};
	const struct channel_moment moment = {.id = "row-1"};
	struct channel *channel = NULL;

	cr_assert_eq(channel_new(&channel, &mail, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct message_fields *fields = message_fields_new(slice_of(rows[i]), "row-1");
		struct channel_request request;

		cr_expect_eq(channel_build(channel, fields, &moment, &request, NULL), ERR_INVALID,
			     "%s", rows[i]);
		message_fields_free(fields);
	}
	channel_free(channel);
}
