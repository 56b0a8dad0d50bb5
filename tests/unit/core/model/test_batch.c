#include "core/model/batch.h"

#include <criterion/criterion.h>

#include <string.h>

static struct value string_of(const char *text)
{
	return (struct value){
		.type = VALUE_STRING, .length = (uint32_t)strlen(text), .as.text = text};
}

Test(batch, a_kept_copy_outlives_the_block)
{
	char block[] = "web wallet";
	const bool wanted[] = {true, false, true};
	struct batch batch;

	batch_init(&batch, 3);
	batch.row_count = 2;
	batch.time_ms[0] = 5;
	batch.time_ms[1] = -7;
	batch.columns[0][0] = (struct value){.type = VALUE_STRING, .length = 3, .as.text = block};
	batch.columns[0][1] = string_of("");
	batch.columns[2][0] = (struct value){.type = VALUE_INT, .as.integer = 42};
	batch.columns[2][1] =
		(struct value){.type = VALUE_STRING, .length = 6, .as.text = block + 4};
	batch.marks[1] = 7;
	batch.has_marks = true;
	struct batch *kept = batch_keep(&batch, wanted);
	batch_clear(&batch);
	cr_expect(!batch.has_marks && batch.marks[1] == 0);
	memset(block, 'x', sizeof(block));
	batch_deinit(&batch);
	cr_expect_eq(kept->row_count, 2);
	cr_expect_eq(kept->column_count, 3);
	cr_expect(kept->time_ms[0] == 5 && kept->time_ms[1] == -7);
	cr_expect(kept->has_marks && kept->marks[0] == 0 && kept->marks[1] == 7);
	cr_expect_null(kept->columns[1]);
	cr_expect_eq(memcmp(kept->columns[0][0].as.text, "web", 3), 0);
	cr_expect_eq(kept->columns[0][1].length, 0);
	cr_expect_eq(kept->columns[2][0].as.integer, 42);
	cr_expect_eq(memcmp(kept->columns[2][1].as.text, "wallet", 6), 0);
	batch_kept_free(kept);
	batch_kept_free(NULL);
}

Test(batch, an_empty_one_is_kept_too)
{
	struct batch batch;

	batch_init(&batch, 0);
	struct batch *kept = batch_keep(&batch, NULL);
	cr_expect_eq(kept->row_count, 0);
	batch_kept_free(kept);
	batch_deinit(&batch);
}
