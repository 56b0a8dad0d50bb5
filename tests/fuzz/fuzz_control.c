// link: core_control
/* Any bytes as a request line: exactly one answer, one JSON object without raw control bytes. */
#include "tests/support/memory_target.h"

#include <jansson.h>

struct heard {
	int count;
};

static void on_answer(void *arg, struct slice line)
{
	struct heard *heard = arg;
	json_t *answer = json_loadb(line.data, line.length, 0, NULL);
	REQUIRE(json_is_object(answer));
	REQUIRE(json_is_boolean(json_object_get(answer, "ok")));
	json_decref(answer);
	for (size_t i = 0; i < line.length; i++)
		REQUIRE((unsigned char)line.data[i] >= 0x20);
	heard->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory_target memory;
	static int runs;
	struct heard heard = {0};
	if (runs++ % 1000 == 0) {
		if (memory.control != NULL)
			memory_target_close(&memory);
		memory_target_open(&memory, 1800000000000);
		versions_seen(memory.target.rule_versions, "r", 1, "count", "00", 1800000000000,
			      NULL);
		versions_advance(memory.target.rule_versions, 1800000000000);
	}
	control_handle(memory.control, (struct slice){(const char *)data, size}, "uid:0(root)",
		       on_answer, &heard);
	commit_kick(memory.target.commit);
	loop_virtual_turn(memory.target.loop);
	REQUIRE(heard.count == 1);
	return 0;
}
