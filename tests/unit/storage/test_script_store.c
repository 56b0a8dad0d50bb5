#include "storage/script_store.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "store_fixture.h"

#include <criterion/criterion.h>

static struct kv *kv;
static struct commit *commit;
static struct script_store *store;

static void open_store(void)
{
	cr_assert_eq(script_store_new(&store, kv, commit, NULL), 0);
}

static void begin(void)
{
	struct commit_options options = {0};
	kv = kv_memory_new();
	cr_assert_eq(commit_new(&commit, kv, &options, NULL), 0);
	open_store();
}

static void end(void)
{
	script_store_free(store);
	commit_free(commit);
	kv_free(kv);
}

TestSuite(script_store, .init = begin, .fini = end);

static void expect(const char *hash, const char *source)
{
	char *text = NULL;
	int code = script_store_get(store, hash, &text, NULL);
	cr_expect_eq(code, source != NULL ? 0 : ERR_NOT_FOUND, "%s", hash);
	cr_expect(source == NULL || (text != NULL && strcmp(text, source) == 0), "%s: %s", hash,
		  text != NULL ? text : "none");
	mem_free(text);
}

static uint32_t sweep(const char *needed)
{
	script_store_sweep_begin(store);
	if (needed != NULL)
		script_store_need(store, needed);
	uint32_t count = script_store_sweep_end(store);
	commit_kick(commit);
	return count;
}

Test(script_store, gives_back_what_was_put_also_after_a_restart)
{
	script_store_put(store, "aa", "return 1");
	script_store_put(store, "bb", "");
	commit_kick(commit);
	expect("aa", "return 1");
	expect("bb", "");
	expect("cc", NULL);
	script_store_free(store);
	open_store();
	expect("aa", "return 1");
}

Test(script_store, writes_a_source_once)
{
	script_store_put(store, "aa", "return 1");
	commit_kick(commit);
	script_store_put(store, "aa", "return 1");
	cr_expect_eq(kv_batch_count(commit_batch(commit)), 0);
	script_store_free(store);
	open_store();
	script_store_put(store, "aa", "return 1");
	cr_expect_eq(kv_batch_count(commit_batch(commit)), 0);
}

Test(script_store, the_sweep_deletes_what_nobody_names_also_from_earlier_starts)
{
	script_store_put(store, "aa", "return 1");
	script_store_put(store, "bb", "return 2");
	commit_kick(commit);
	script_store_free(store);
	open_store();
	script_store_put(store, "cc", "return 3");
	cr_expect_eq(sweep("bb"), 2);
	expect("aa", NULL);
	expect("bb", "return 2");
	expect("cc", NULL);
	cr_expect_eq(sweep("bb"), 0);
	/* What was swept can be put again. */
	script_store_put(store, "aa", "return 1");
	commit_kick(commit);
	expect("aa", "return 1");
	cr_expect_eq(sweep(NULL), 2);
}

Test(script_store, a_damaged_source_is_told)
{
	char *text = NULL;
	struct err_note why = {{0}};
	cr_assert_eq(store_put(kv, "xaa", "no seal"), 0);
	cr_expect_eq(script_store_get(store, "aa", &text, &why), ERR_CORRUPT);
	cr_expect_null(text);
	cr_expect_neq(why.text[0], '\0');
}
