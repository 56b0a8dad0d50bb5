#include "core/ingest/decode_time.h"

#include <criterion/criterion.h>

#include "core/base/err.h"
#include "core/model/timestamp.h"

Test(decode_time, remembering_never_changes_the_answer)
{
	static const char *const texts[] = {
		"2026-11-22T06:00:00Z",
		"2026-11-22T06:00:59.999Z",
		"2026-11-22T06:00:07+08:00",
		"2026-11-22T06:00:08+08:00",
		"2026-11-22T06:00:08-08:00",
		"2026-11-22T06:00:60Z",
		"2026-11-22T06:00:08",
		"2026-11-22T06:00:08.Z",
		"2026-11-22T06:00:08.1234567891Z",
		"2026-11-22T06:00:08.123456789Z",
		"2026-11-22T06:00:0Z",
		"2026-11-22T06:00:08z",
		"2026-11-22T06:00:08ZZ",
		"2026-11-22T06:01:08Z",
		"2026-11-22 06:01:08Z",
		"1795327200",
		"2026-11-22T06:00:",
		"2026-11-22T06:00:001Z",
		"2026-11-22T06:00:08.25Z",
		"",
	};
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
	struct time_memory memory = {0};
	for (int i = 0; i < COUNT * COUNT; i++) {
		/* Every text after every other one. */
		const char *pair[] = {texts[i / COUNT], texts[i % COUNT]};
		for (int j = 0; j < 2; j++) {
			int64_t expected = -1, found = -1;
			int rc = timestamp_parse(slice_of(pair[j]), &expected);
			cr_expect_eq(time_memory_parse(&memory, slice_of(pair[j]), &found), rc,
				     "%s", pair[j]);
			cr_expect_eq(found, expected, "%s", pair[j]);
		}
	}
}
