#include "channel_fixture.h"

#include "core/base/err.h"
#include "core/channel/message.h"

#include <criterion/criterion.h>

#include <string.h>

static struct channel *make(const struct channel_settings *settings)
{
	struct channel *channel = NULL;
	struct err_note why = {""};

	cr_assert_eq(channel_new(&channel, settings, &why), 0, "%s", why.text);
	return channel;
}

void fixture_build(const struct channel_settings *settings, const char *row,
		   struct channel_request *out)
{
	const struct channel_moment moment = {.id = "row-1", .wall_ms = FIXTURE_WALL_MS};
	struct message_fields *fields = message_fields_new(slice_of(row), "row-1");
	struct channel *channel = make(settings);
	struct err_note why = {""};

	cr_assert_eq(channel_build(channel, fields, &moment, out, &why), 0, "%s", why.text);
	message_fields_free(fields);
	channel_free(channel);
}

void fixture_expect_body(const struct channel_settings *settings, const char *row,
			 const char *expected)
{
	struct channel_request request;

	fixture_build(settings, row, &request);
	cr_expect_str_eq(request.body.data, expected, "%s\n%s", request.body.data, expected);
	channel_request_deinit(&request);
}

char *fixture_long_row(const char *letter, uint32_t length, uint32_t count)
{
	struct bytes row = BYTES_EMPTY;

	bytes_append_text(&row, "{\"event\":\"notice\",\"title\":\"long\",\"text\":\"");
	for (uint32_t line = 0; line < count; line++) {
		if (line > 0)
			bytes_append_text(&row, "\\n");
		for (uint32_t i = 0; i < length; i++)
			bytes_append_text(&row, letter);
	}
	bytes_append_text(&row, "\"}");
	return bytes_take_text(&row);
}

struct channel_verdict fixture_judge(const struct channel_settings *settings, int status,
				     const char *body)
{
	const struct channel_reply reply = {.status = status, .body = slice_of(body)};
	struct channel *channel = make(settings);
	struct channel_verdict verdict;

	channel_judge(channel, &reply, &verdict);
	channel_free(channel);
	return verdict;
}
