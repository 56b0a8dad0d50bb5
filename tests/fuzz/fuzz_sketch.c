// link: core_sketch
/* A stored sketch as it may lie on a damaged disk: nothing is read past its end, its memory stays
 * within the bound, and what could be read is written as it was and merges with itself. */
#include "core/sketch/ddsketch.h"
#include "core/sketch/distinct.h"
#include "core/sketch/line_tail.h"

#include <math.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_bytes(const struct bytes *written, struct slice content, size_t left)
{
	REQUIRE(written->length == content.length - left);
	REQUIRE(memcmp(written->data, content.data, written->length) == 0);
}

static void try_distinct(struct slice content)
{
	struct byte_reader reader = byte_reader_of(content);
	struct distinct *sketch = NULL;
	struct bytes written = BYTES_EMPTY;
	size_t memory = 0;

	if (distinct_decode(&reader, &sketch, &memory) == 0) {
		double count = distinct_count(sketch);

		distinct_encode(sketch, &written);
		expect_bytes(&written, content, reader.left);
		distinct_merge(&sketch, sketch, &memory);
		REQUIRE(distinct_count(sketch) == count && count >= 0);
		for (size_t i = 0; i < content.length; i++)
			distinct_add(&sketch, (uint64_t)(unsigned char)content.data[i] << 56,
				     &memory);
		REQUIRE(memory <= DISTINCT_BYTES_MAX);
	}
	distinct_free(&sketch, &memory);
	REQUIRE(memory == 0 && sketch == NULL);
	bytes_deinit(&written);
}

static void try_line_tail(struct slice content)
{
	struct byte_reader reader = byte_reader_of(content);
	struct line_tail *tail = NULL;
	struct bytes written = BYTES_EMPTY;
	size_t memory = 0;

	if (line_tail_decode(&reader, LINE_TAIL_MAX, &tail, &memory) == 0) {
		line_tail_encode(tail, &written);
		expect_bytes(&written, content, reader.left);
		line_tail_merge(&tail, tail, LINE_TAIL_MAX, &memory);
		line_tail_add(&tail, LINE_TAIL_MAX, 0, content, &memory);
		REQUIRE(memory <= LINE_TAIL_HEAP_MAX(LINE_TAIL_MAX));
	}
	line_tail_free(&tail, &memory);
	REQUIRE(memory == 0 && tail == NULL);
	bytes_deinit(&written);
}

static void add_numbers(struct ddsketch **sketch, struct slice content, size_t *memory)
{
	for (size_t at = 0; at + sizeof(double) <= content.length; at += 3) {
		double number;

		memcpy(&number, content.data + at, sizeof(number));
		if (!isnan(number))
			ddsketch_add(sketch, number, memory);
	}
}

static void try_ddsketch(struct slice content)
{
	struct byte_reader reader = byte_reader_of(content);
	struct ddsketch *sketch = NULL, *copy = NULL;
	struct bytes written = BYTES_EMPTY;
	size_t memory = 0;

	if (ddsketch_decode(&reader, &sketch, &memory) == 0) {
		uint64_t total = ddsketch_total(sketch);

		ddsketch_encode(sketch, &written);
		expect_bytes(&written, content, reader.left);
		if (total > 0)
			REQUIRE(ddsketch_at_rank(sketch, 1) <= ddsketch_at_rank(sketch, total));
		add_numbers(&sketch, content, &memory);
		ddsketch_merge(&copy, sketch, NULL);
		ddsketch_merge(&copy, sketch, NULL);
		REQUIRE(memory <= DDSKETCH_BYTES_MAX);
	}
	ddsketch_free(&copy, NULL);
	ddsketch_free(&sketch, &memory);
	REQUIRE(memory == 0 && sketch == NULL);
	bytes_deinit(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice content = {(const char *)data + (size > 0), size - (size > 0)};

	if (size > 0 && data[0] >= 0xF0)
		try_line_tail(content);
	else if (size > 0 && data[0] % 2 == 0)
		try_distinct(content);
	else
		try_ddsketch(content);
	return 0;
}
