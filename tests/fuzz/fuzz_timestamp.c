// link: core_model
/* A time that is read is the one that its own text says; zone files never break the reader. */
#include <stdlib.h>

#include "core/base/require.h"
#include "core/model/timestamp.h"
#include "core/model/zone_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct slice input = {(const char *)data, length};
	char text[TIMESTAMP_TEXT_BYTES_MAX];
	struct zone *zone = NULL;
	int64_t ms = 0, again = 0;

	if (timestamp_parse(input, &ms) == 0) {
		struct slice formatted = {text, (size_t)timestamp_format(ms, text)};

		REQUIRE(timestamp_parse(formatted, &again) == 0);
		REQUIRE(again == ms);
	}
	if (zone_decode(&zone, input, "fuzz", NULL) == 0) {
		char local[24];

		for (int64_t at = -4000000000000; at < 20000000000000; at += 777777777777)
			zone_format_compact(zone, at, local);
		zone_free(zone);
	}
	return 0;
}
