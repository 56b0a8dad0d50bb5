#include "core/engine/engine.h"

#include "core/model/dimension.h"

#include <criterion/criterion.h>

#include "site.h"

struct asked {
	const struct engine *engine;
	const struct engine_key_status *wanted; /* of the key that is asked about */
	int same_count;
	uint64_t count;
};

static void compare_status(void *arg, const struct engine_key_status *status)
{
	struct asked *asked = arg;

	asked->count = status->total->count;
	if (asked->wanted && slice_equal(status->key, asked->wanted->key) &&
	    status->total->count == asked->wanted->total->count &&
	    status->value == asked->wanted->value && status->stage == asked->wanted->stage)
		asked->same_count++;
}

static void ask_key(void *arg, const struct engine_key_status *status)
{
	struct asked *asked = arg;

	asked->wanted = status;
	cr_expect(engine_ask_key(asked->engine, "r", status->key, compare_status, asked));
}

Test(status, one_key_is_told_as_among_all_and_an_unknown_one_is_empty)
{
	static const char *const by[] = {"k", NULL};
	static const char *const options[] = {"filter", "k ~= '-'", "threshold", ">= 2",
					      "window", "10s",      NULL};
	struct site site;
	struct bytes key = BYTES_EMPTY;

	site_init(&site);
	struct rule *rule = site_rule(&site, "r", 1, "group", by, options);
	site_install(&site, &rule, 1);
	site_feed(&site, "pay", site_open(&site, "pay", "p", false),
		  "{\"time\":1001,\"k\":\"a\",\"cost\":1}\n"
		  "{\"time\":1006,\"k\":\"a\",\"cost\":1}\n"
		  "{\"time\":1006,\"k\":\"b\",\"cost\":1}\n"
		  "{\"time\":1015,\"k\":\"-\",\"cost\":0}\n");
	site_advance(&site);
	struct asked asked = {.engine = site.engine};
	engine_each_key(site.engine, "r", ask_key, &asked);
	cr_expect_eq(asked.same_count, 2);
	dimension_append(&key, &(struct value){.type = VALUE_STRING, .length = 1, .as.text = "x"});
	asked.wanted = NULL;
	asked.count = 7;
	cr_expect(engine_ask_key(site.engine, "r", bytes_slice(&key), compare_status, &asked));
	cr_expect_eq(asked.count, 0);
	cr_expect(!engine_ask_key(site.engine, "other", bytes_slice(&key), compare_status, &asked));
	bytes_deinit(&key);
	rule_unref(rule);
	site_deinit(&site);
}
