/** channel_fixture.h - a message through a channel, and the body that comes out. */
#ifndef TOCSIN_TESTS_UNIT_CORE_CHANNEL_CHANNEL_FIXTURE_H
#define TOCSIN_TESTS_UNIT_CORE_CHANNEL_CHANNEL_FIXTURE_H

#include "core/channel/channel.h"

/** Milliseconds of the example in DingTalk's documentation. */
#define FIXTURE_WALL_MS 1577262236757

/** Builds the request of a row; the test fails when that fails. */
void fixture_build(const struct channel_settings *settings, const char *row,
		   struct channel_request *out);
/** The body is exactly this. */
void fixture_expect_body(const struct channel_settings *settings, const char *row,
			 const char *expected);
/** `{"event":"notice","title":…,"text":…}` of a text with `count` lines of `length` letters. */
char *fixture_long_row(const char *letter, uint32_t length, uint32_t count);
struct channel_verdict fixture_judge(const struct channel_settings *settings, int status,
				     const char *body);

#endif
