#include "core/window/metric.h"

#include <criterion/criterion.h>

#include <string.h>

static bool has_same_id(const struct metric_spec *a, const struct metric_spec *b)
{
	struct metric *first = metric_new(a), *second = metric_new(b);
	bool is_same = memcmp(&first->id, &second->id, sizeof(first->id)) == 0;

	metric_unref(first);
	metric_unref(second);
	return is_same;
}

static const char *const by[] = {"merchantId", "channel"};
static const char *const values[] = {"amount"};
static const struct metric_spec payments = {.source = "pay",
					    .filter = "success == false",
					    .by = by,
					    .by_count = 2,
					    .values = values,
					    .value_count = 1,
					    .pane_ms = 5000};

Test(metric, keeps_a_copy_of_its_definition)
{
	char source[] = "pay";
	struct metric_spec spec = payments;
	struct metric *metric;

	spec.source = source;
	metric = metric_new(&spec);
	source[0] = 'x';
	cr_expect_str_eq(metric->source, "pay");
	cr_expect_str_eq(metric->filter, "success == false");
	cr_expect_str_eq(metric->by[1], "channel");
	cr_expect_str_eq(metric->values[0], "amount");
	cr_expect(metric->by_count == 2 && metric->value_count == 1);
	cr_expect(metric->aggregate_count == 1 && metric->pane_ms == 5000);
	cr_expect(metric_ref(metric) == metric);
	metric_unref(metric);
	cr_expect_str_eq(metric->source, "pay");
	metric_unref(metric);
	metric_unref(NULL);
}

Test(metric, has_one_aggregate_without_values_and_one_for_each_value)
{
	static const char *const many[METRIC_VALUES_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	struct metric_spec spec = payments;
	struct metric *metric;

	spec.value_count = 0;
	metric = metric_new(&spec);
	cr_expect(metric->aggregate_count == 1);
	metric_unref(metric);
	spec.values = many;
	spec.value_count = METRIC_VALUES_MAX;
	metric = metric_new(&spec);
	cr_expect(metric->aggregate_count == METRIC_VALUES_MAX);
	metric_unref(metric);
}

Test(metric, gives_equal_definitions_one_id)
{
	struct metric_spec spec = payments;

	cr_expect(has_same_id(&payments, &spec));
}

/* From the first release on this id is on disk: computed outside of this program, from the
 * layout in metric.c and libxxhash. */
Test(metric, has_the_id_that_is_on_disk)
{
	static const unsigned char expected[METRIC_ID_BYTES] = {0xd8, 0x58, 0x29, 0xd5, 0xc2, 0x31,
								0x63, 0x40, 0xfe, 0xf6, 0xf8, 0xa6,
								0x86, 0xcd, 0x88, 0xdf};
	struct metric *metric = metric_new(&payments);

	cr_expect_arr_eq(metric->id.bytes, expected, METRIC_ID_BYTES);
	metric_unref(metric);
}

Test(metric, tells_every_part_of_the_definition_apart)
{
	static const char *const turned[] = {"channel", "merchantId"};
	static const char *const joined[] = {"merchantIdchannel"};
	struct metric_spec spec = payments;

	spec.source = "pay2";
	cr_expect(!has_same_id(&payments, &spec), "source");
	spec = payments;
	spec.filter = "";
	cr_expect(!has_same_id(&payments, &spec), "filter");
	spec = payments;
	spec.by = turned;
	cr_expect(!has_same_id(&payments, &spec), "order of the dimension");
	spec = payments;
	spec.by_count = 1;
	cr_expect(!has_same_id(&payments, &spec), "fewer fields");
	spec = payments;
	spec.by = joined;
	spec.by_count = 1;
	cr_expect(!has_same_id(&payments, &spec), "joined names");
	spec = payments;
	spec.value_count = 0;
	cr_expect(!has_same_id(&payments, &spec), "values");
	spec = payments;
	spec.pane_ms = 60000;
	cr_expect(!has_same_id(&payments, &spec), "pane length");
}

Test(metric, does_not_confuse_neighbours)
{
	static const char *const one[] = {"x"};
	struct metric_spec a = {.source = "ab", .filter = "c", .pane_ms = 5000};
	struct metric_spec b = {.source = "a", .filter = "bc", .pane_ms = 5000};

	cr_expect(!has_same_id(&a, &b));
	a = b;
	a.by = one;
	a.by_count = 1;
	b.values = one;
	b.value_count = 1;
	cr_expect(!has_same_id(&a, &b), "a field of the dimension is not a value");
}
