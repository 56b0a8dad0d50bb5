/* What engine_new() says of a store with a damaged row. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "site.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

/** One row "r" of this space with this value; the answer of a new engine on it. */
static int open_with_row(struct site *site, enum keyspace space, struct slice value,
			 struct err_note *why)
{
	struct engine_options options = {.kv = site->kv, .commit = site->commit};
	struct engine *engine = NULL;
	struct bytes key = BYTES_EMPTY;

	key_begin(&key, space);
	key_add_bytes(&key, SLICE_LITERAL("r"));
	kv_batch_put(commit_batch(site->commit), bytes_slice(&key), value);
	commit_kick(site->commit);
	bytes_deinit(&key);
	int code = engine_new(&engine, &options, why);
	if (code == 0)
		engine_free(engine);
	return code;
}

/** One row "e" of rule r. */
static int open_with(struct site *site, struct slice value, struct err_note *why)
{
	return open_with_row(site, KEYSPACE_EVALUATED, value, why);
}

Test(restore, each_kind_of_row_is_named)
{
	static const struct {
		enum keyspace space;
		const char *unsealed, *damaged;
	} rows[] = {
		{KEYSPACE_SOURCE, "a stored source: ", "a stored source is damaged"},
		{KEYSPACE_POSITION, "a stored position: ", "a stored position is damaged"},
		{KEYSPACE_EVALUATED, "a stored evaluation: ", "a stored evaluation is damaged"},
		{KEYSPACE_ALERT, "a stored alert state: ", "a stored alert state is damaged"},
	};
	struct err_note why = {0};
	struct bytes value = BYTES_EMPTY;

	keyspace_seal(&value, SLICE_LITERAL("x"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct site site;

		site_init(&site);
		cr_expect_eq(open_with_row(&site, rows[i].space, SLICE_LITERAL("no seal"), &why),
			     ERR_CORRUPT);
		cr_expect(strstr(why.text, rows[i].unsealed) == why.text, "%s", why.text);
		cr_expect_eq(open_with_row(&site, rows[i].space, bytes_slice(&value), &why),
			     ERR_CORRUPT);
		cr_expect_str_eq(why.text, rows[i].damaged);
		site_deinit(&site);
	}
	bytes_deinit(&value);
}

Test(restore, names_what_a_damaged_row_is_of)
{
	struct site site;
	struct err_note why = {0};
	struct bytes content = BYTES_EMPTY, value = BYTES_EMPTY;

	site_init(&site);
	cr_expect_eq(open_with(&site, SLICE_LITERAL("no seal"), &why), ERR_CORRUPT);
	cr_expect_not_null(strstr(why.text, "a stored evaluation: "), "%s", why.text);

	bytes_append_be64(&content, 1000); /* evaluated, watermark, every */
	bytes_append_be64(&content, 1000);
	bytes_append_be64(&content, 5000);
	bytes_append_be32(&content, 3);
	bytes_append_text(&content, "pay");
	keyspace_seal(&value, bytes_slice(&content));
	cr_expect_eq(open_with(&site, bytes_slice(&value), &why), ERR_CORRUPT, "cut short");
	cr_expect_not_null(strstr(why.text, "a stored evaluation "), "%s", why.text);

	bytes_append_be32(&content, 1);
	keyspace_seal(&value, bytes_slice(&content));
	cr_expect_eq(open_with(&site, bytes_slice(&value), &why), 0, "%s", why.text);

	bytes_append_u8(&content, 0);
	keyspace_seal(&value, bytes_slice(&content));
	cr_expect_eq(open_with(&site, bytes_slice(&value), &why), ERR_CORRUPT, "too long");
	bytes_deinit(&content);
	bytes_deinit(&value);
	site_deinit(&site);
}
