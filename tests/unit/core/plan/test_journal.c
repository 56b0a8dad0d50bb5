#include "core/plan/journal.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/plan/plan_engine.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <string.h>

Test(journal, record_comes_back_as_it_went)
{
	struct journal_record record = {.type = RECORD_STEP_SCHEDULED,
					.sequence = RUN_RECORDS_MAX,
					.time_ms = 1795327200123,
					.step = "tell#1",
					.id = "tell",
					.action = "notify.send",
					.args_json = "{\"b\":1,\"a\":\"é\"}",
					.hash = "00",
					.effect = "once",
					.error = "a \"quoted\"\nline",
					.due_ms = 5,
					.is_final = true};
	struct bytes text = BYTES_EMPTY;
	struct journal_record back = {0};
	struct arena arena;
	arena_init(&arena);
	journal_encode(&record, &text);
	cr_assert_eq(journal_decode(bytes_slice(&text), &arena, &back, NULL), 0);
	cr_expect_eq(back.type, RECORD_STEP_SCHEDULED);
	cr_expect_eq(back.sequence, RUN_RECORDS_MAX);
	cr_expect_eq(back.time_ms, 1795327200123);
	cr_expect_str_eq(back.step, "tell#1");
	cr_expect_str_eq(back.args_json, "{\"a\":\"é\",\"b\":1}");
	cr_expect_str_eq(back.error, "a \"quoted\"\nline");
	cr_expect_eq(back.due_ms, 5);
	cr_expect_null(back.result_json);
	cr_expect(back.is_final);
	bytes_deinit(&text);
	arena_deinit(&arena);
}

Test(journal, damaged_records_are_refused)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{\"seq\":1}",
		"{\"seq\":0,\"type\":\"Value\",\"step\":\"a\",\"id\":\"a\",\"hash\":\"0\"}",
		"{\"seq\":10001,\"type\":\"RunStarted\"}",
		"{\"seq\":1,\"type\":\"Nothing\"}",
		"{\"seq\":1,\"type\":\"Value\"}",
		"{\"seq\":1,\"type\":\"RunEnded\",\"due_ms\":\"soon\"}",
		"{\"seq\":1,\"type\":\"RunEnded\",\"error\":5}",
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct journal_record record;
		cr_expect_eq(journal_decode(slice_of(texts[i]), &arena, &record, NULL), ERR_CORRUPT,
			     "case %zu", i);
	}
	arena_deinit(&arena);
}

static void put(struct kv *kv, const char *run, uint32_t sequence)
{
	struct kv_batch *batch = kv_batch_new();
	struct journal_record record = {.type = RECORD_OPERATOR, .sequence = sequence};
	journal_put(batch, run, &record);
	cr_assert_eq(kv_write(kv, batch, NULL), 0);
	kv_batch_free(batch);
}

Test(journal, reads_one_run_in_order_and_notices_a_gap)
{
	struct kv *kv = kv_memory_new();
	struct arena arena;
	struct journal journal;
	struct err_note why = {{0}};
	arena_init(&arena);
	for (uint32_t i = 300; i >= 1; i--)
		put(kv, "run-1", i);
	put(kv, "run-10", 1);
	put(kv, "run", 1);
	cr_assert_eq(journal_read(kv, "run-1", &arena, &journal, &why), 0, "%s", why.text);
	cr_expect_eq(journal.count, 300);
	cr_expect_eq(journal.records[299].sequence, 300);
	put(kv, "run-1", 302);
	cr_expect_eq(journal_read(kv, "run-1", &arena, &journal, &why), ERR_CORRUPT);
	cr_expect(strstr(why.text, "run-1: record 301 is missing"), "%s", why.text);
	struct kv_batch *batch = kv_batch_new();
	journal_delete(batch, "run-1");
	cr_assert_eq(kv_write(kv, batch, NULL), 0);
	kv_batch_free(batch);
	cr_expect_eq(journal_read(kv, "run-1", &arena, &journal, &why), 0);
	cr_expect_eq(journal.count, 0);
	cr_expect_eq(journal_read(kv, "run-10", &arena, &journal, &why), 0);
	cr_expect_eq(journal.count, 1);
	arena_deinit(&arena);
	kv_free(kv);
}

Test(journal, hash_is_stable)
{
	char hash[33];
	journal_hash(slice_of(""), hash);
	cr_expect_str_eq(hash, "99aa06d3014798d86001c324468d497f", "XXH3-128 of nothing");
}
