#include "core/link/link.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char secret[] = "0123456789abcdef";
static const struct link_claim claim = {
	.run = "r-1", .step = "b/sure#1", .person = "wang", .is_yes = true, .expires_ms = 1000};

static char *token_of(const struct link_claim *of)
{
	struct bytes token = BYTES_EMPTY;

	cr_assert_eq(link_append_token(secret, of, &token, NULL), 0);
	return bytes_take_text(&token);
}

static int code_of(const char *token, int64_t now_ms)
{
	struct link_read read = {0};
	int code = link_read_token(secret, token, now_ms, &read, NULL);

	link_read_deinit(&read);
	return code;
}

/* Made by Python: base64.urlsafe_b64encode() of struct.pack(">BBq", 1, 1, 1000) and the texts with
 * struct.pack(">H", length) before each; hmac.new(secret, b"tocsin link 1\n" + claim, "sha256"). */
Test(link, a_token_is_the_claim_and_its_signature)
{
	char *token = token_of(&claim);

	cr_expect_str_eq(token, "AQEAAAAAAAAD6AADci0xAAhiL3N1cmUjMQAEd2FuZw."
				"skwvdBp_A0SEdzZBbab3Af4vw4ZDpXULhypLWMeVBTU");
	mem_free(token);
}

Test(link, what_was_signed_is_read)
{
	char *token = token_of(&claim);
	struct link_read read = {0};

	cr_assert_eq(link_read_token(secret, token, 999, &read, NULL), 0);
	cr_expect_str_eq(read.run, "r-1");
	cr_expect_str_eq(read.step, "b/sure#1");
	cr_expect_str_eq(read.person, "wang");
	cr_expect(read.is_yes);
	cr_expect_eq(read.expires_ms, 1000);
	link_read_deinit(&read);
	mem_free(token);
}

Test(link, it_ends_at_its_time)
{
	char *token = token_of(&claim);

	cr_expect_eq(code_of(token, 999), 0);
	cr_expect_eq(code_of(token, 1000), ERR_CONFLICT);
	mem_free(token);
}

Test(link, every_other_letter_makes_it_a_stranger)
{
	char *token = token_of(&claim);

	for (size_t i = 0; token[i] != '\0'; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		cr_expect_eq(code_of(token, 0), ERR_DENIED, "letter %zu", i);
		token[i] = was;
	}
	for (size_t length = 0; length < strlen(token); length++) {
		char *cut = mem_copy_bytes(token, length);

		cr_expect_eq(code_of(cut, 0), ERR_DENIED);
		mem_free(cut);
	}
	mem_free(token);
}

Test(link, one_answer_does_not_make_the_other)
{
	struct link_claim other = claim;
	char *yes = token_of(&claim), *no, *mixed;

	other.is_yes = false;
	no = token_of(&other);
	mixed = mem_format("%.*s%s", (int)(strchr(no, '.') - no), no, strchr(yes, '.'));
	cr_expect_eq(code_of(no, 0), 0);
	cr_expect_eq(code_of(mixed, 0), ERR_DENIED);
	mem_free(mixed);
	mem_free(yes);
	mem_free(no);
}

Test(link, what_is_no_token_at_all_is_refused)
{
	static const char *const texts[] = {"", ".", "a.b", "AQ==.AQ==", "a", "..", "ab cd.ef"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(code_of(texts[i], 0), ERR_DENIED, "%s", texts[i]);
}

Test(link, too_long_a_text_is_refused)
{
	char step[LINK_TEXT_BYTES_MAX + 2];
	struct link_claim long_one = claim;
	struct bytes token = BYTES_EMPTY;

	memset(step, 's', sizeof(step));
	step[LINK_TEXT_BYTES_MAX] = '\0';
	long_one.step = step;
	cr_assert_eq(link_append_token(secret, &long_one, &token, NULL), 0);
	cr_expect_eq(code_of(token.data, 0), 0);
	bytes_deinit(&token);
	step[LINK_TEXT_BYTES_MAX] = 's';
	step[LINK_TEXT_BYTES_MAX + 1] = '\0';
	cr_expect_eq(link_append_token(secret, &long_one, &token, NULL), ERR_RANGE);
	bytes_deinit(&token);
}

struct store {
	struct kv *kv;
	struct commit *commit;
	struct links *links;
};

static void open_links(struct store *store)
{
	struct commit_options options = {0};

	cr_assert_eq(commit_new(&store->commit, store->kv, &options, NULL), 0);
	cr_assert_eq(links_new(&store->links, store->kv, store->commit, NULL), 0);
}

static void close_links(struct store *store)
{
	commit_kick(store->commit);
	links_free(store->links);
	commit_free(store->commit);
}

static struct link_read read_of(unsigned number, int64_t expires_ms)
{
	struct link_read read = {.expires_ms = expires_ms};

	memcpy(read.id, &number, sizeof(number));
	return read;
}

Test(links, a_used_one_is_known_after_a_restart_until_it_expires)
{
	struct store store = {.kv = kv_memory_new()};
	struct link_read one = read_of(1, 1000), two = read_of(2, 5000), three = read_of(3, 9000);

	open_links(&store);
	links_use(store.links, &one, 0);
	links_use(store.links, &two, 0);
	cr_expect(links_is_used(store.links, one.id));
	close_links(&store);
	open_links(&store);
	cr_expect(links_is_used(store.links, one.id));
	cr_expect(links_is_used(store.links, two.id));
	cr_expect_not(links_is_used(store.links, three.id));
	links_use(store.links, &three, 1000);
	cr_expect_not(links_is_used(store.links, one.id));
	close_links(&store);
	open_links(&store);
	cr_expect_eq(links_used_count(store.links), 2);
	close_links(&store);
	kv_free(store.kv);
}

Test(links, past_the_limit_the_one_that_expires_first_goes)
{
	struct store store = {.kv = kv_memory_new()};
	struct link_read first = read_of(LINKS_USED_MAX / 2, 1);

	open_links(&store);
	for (unsigned i = 0; i < LINKS_USED_MAX; i++) {
		struct link_read read = read_of(i, i == LINKS_USED_MAX / 2 ? 1 : 2 + (int64_t)i);

		links_use(store.links, &read, 0);
	}
	cr_expect(links_is_used(store.links, first.id));
	struct link_read more = read_of(LINKS_USED_MAX, 9999999);
	links_use(store.links, &more, 0);
	cr_expect_eq(links_used_count(store.links), LINKS_USED_MAX);
	cr_expect_not(links_is_used(store.links, first.id));
	cr_expect(links_is_used(store.links, more.id));
	close_links(&store);
	kv_free(store.kv);
}
