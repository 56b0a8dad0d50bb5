/* What engine_new() says of a store with a damaged row. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "site.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

/** One row "e" of rule r with this value; the answer of a new engine on it. */
static int open_with(struct site *site, struct slice value, struct err_note *why)
{
	struct engine_options options = {.kv = site->kv, .commit = site->commit};
	struct engine *engine = NULL;
	struct bytes key = BYTES_EMPTY;

	key_begin(&key, KEYSPACE_EVALUATED);
	key_add_bytes(&key, SLICE_LITERAL("r"));
	kv_batch_put(commit_batch(site->commit), bytes_slice(&key), value);
	commit_kick(site->commit);
	bytes_deinit(&key);
	int code = engine_new(&engine, &options, why);
	if (code == 0)
		engine_free(engine);
	return code;
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
