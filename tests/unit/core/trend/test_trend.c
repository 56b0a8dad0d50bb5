#include "core/trend/trend.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/bytes.h"

static struct trend_spec spec_of(const char *trend)
{
	struct trend_spec spec = {.is_count = true,
				  .sensitivity = TREND_MEDIUM,
				  .samples_min = 20,
				  .slots_a_day = 24};

	cr_assert(trend_parse(trend, &spec));
	return spec;
}

static struct trend_slot slot_of(double value)
{
	return (struct trend_slot){.has_value = true, .value = value, .samples = value};
}

/** 1,000 a slot, a little up and down, without references. */
static void learn(struct trend_state *state, const struct trend_spec *spec, int slots)
{
	for (int i = 0; i < slots; i++) {
		struct trend_slot slot = slot_of(1000 + (i % 3 - 1) * 20);
		struct trend_answer answer;

		trend_step(state, spec, &slot, &answer);
		cr_assert_neq(answer.verdict, TREND_RINGS);
	}
}

static struct trend_answer step(struct trend_state *state, const struct trend_spec *spec,
				struct trend_slot slot)
{
	struct trend_answer answer;

	trend_step(state, spec, &slot, &answer);
	return answer;
}

Test(trend, without_history_nothing_is_known)
{
	struct trend_spec spec = spec_of("sudden_drop");
	struct trend_state state = TREND_STATE_NEW;

	/* The first slot is the reference of the second, whose error is the first one. */
	for (int i = 0; i < TREND_ERRORS_MIN + 1; i++) {
		struct trend_answer answer = step(&state, &spec, slot_of(1000));

		cr_expect_eq(answer.verdict, TREND_UNKNOWN, "%d", i);
		cr_expect_str_eq(answer.why, "no history");
	}
	cr_expect_eq(step(&state, &spec, slot_of(1000)).verdict, TREND_QUIET);
}

Test(trend, an_outage_rings_and_a_surge_does_not_when_drops_are_asked_for)
{
	struct trend_spec spec = spec_of("sudden_drop");
	struct trend_state state = TREND_STATE_NEW;
	struct trend_answer answer;

	learn(&state, &spec, 40);
	answer = step(&state, &spec, slot_of(3000));
	cr_expect_eq(answer.verdict, TREND_QUIET);
	learn(&state, &spec, 40);
	answer = step(&state, &spec, slot_of(0));
	cr_expect_eq(answer.verdict, TREND_RINGS);
	cr_expect_float_eq(answer.expected, 1000, 30);
	cr_expect_gt(answer.score, answer.limit);
	cr_expect_eq(answer.by, TREND_RECENT);
}

Test(trend, a_surge_rings)
{
	struct trend_spec spec = spec_of("sudden_rise");
	struct trend_state state = TREND_STATE_NEW;

	learn(&state, &spec, 40);
	cr_expect_eq(step(&state, &spec, slot_of(0)).verdict, TREND_QUIET);
	learn(&state, &spec, 40);
	cr_expect_eq(step(&state, &spec, slot_of(2000)).verdict, TREND_RINGS);
}

Test(trend, trouble_is_not_learned_from_until_a_day_has_passed)
{
	struct trend_spec spec = spec_of("sudden_drop");
	struct trend_state state = TREND_STATE_NEW;

	learn(&state, &spec, 40);
	for (uint32_t i = 0; i < spec.slots_a_day; i++)
		cr_assert_eq(step(&state, &spec, slot_of(100)).verdict, TREND_RINGS, "%u", i);
	cr_expect_eq(step(&state, &spec, slot_of(100)).verdict, TREND_RINGS);
	for (uint32_t i = 0; i < spec.slots_a_day; i++)
		cr_assert_neq(step(&state, &spec, slot_of(100)).verdict, TREND_RINGS, "%u", i);
}

Test(trend, a_small_share_does_not_ring_however_busy_the_metric)
{
	struct trend_spec spec = spec_of("sudden_drop");
	struct trend_state state = TREND_STATE_NEW;

	for (int i = 0; i < 40; i++)
		step(&state, &spec, slot_of(1e8));
	cr_expect_eq(step(&state, &spec, slot_of(0.75e8)).verdict, TREND_QUIET);
	cr_expect_eq(step(&state, &spec, slot_of(0.65e8)).verdict, TREND_RINGS);
}

Test(trend, few_readings_are_not_judged)
{
	struct trend_spec spec = spec_of("sudden_drop");
	struct trend_state state = TREND_STATE_NEW;
	struct trend_answer answer;

	for (int i = 0; i < 40; i++)
		step(&state, &spec, slot_of(19));
	answer = step(&state, &spec, slot_of(0));
	cr_expect_eq(answer.verdict, TREND_QUIET);
	cr_expect_str_eq(answer.why, "few samples");
	spec = spec_of("sudden_rise");
	state = TREND_STATE_NEW;
	for (int i = 0; i < 40; i++)
		step(&state, &spec, slot_of(2));
	cr_expect_eq(step(&state, &spec, slot_of(19)).verdict, TREND_QUIET);
	cr_expect_eq(step(&state, &spec, slot_of(60)).verdict, TREND_RINGS);
}

Test(trend, the_hour_when_shops_close_is_no_outage)
{
	struct trend_spec spec = spec_of("sudden_drop");
	struct trend_state with = TREND_STATE_NEW, without = TREND_STATE_NEW;
	struct trend_slot closing = slot_of(50);

	for (int i = 0; i < 40; i++) {
		struct trend_slot slot = slot_of(1000);

		step(&without, &spec, slot);
		slot.has_reference[TREND_YESTERDAY] = true;
		slot.reference[TREND_YESTERDAY] = 900;
		step(&with, &spec, slot);
	}
	cr_expect_eq(step(&without, &spec, closing).verdict, TREND_RINGS);
	closing.has_reference[TREND_YESTERDAY] = true;
	closing.reference[TREND_YESTERDAY] = 45;
	cr_expect_eq(step(&with, &spec, closing).verdict, TREND_QUIET);
}

Test(trend, a_decline_adds_up)
{
	struct trend_spec spec = spec_of("slow_drop");
	struct trend_state state = TREND_STATE_NEW;
	int rang_at = -1;

	for (int i = 0; i < 200; i++) {
		struct trend_slot slot = slot_of(1000 + (i % 3 - 1) * 20);

		slot.has_reference[TREND_YESTERDAY] = true;
		slot.reference[TREND_YESTERDAY] = 1000;
		cr_assert_neq(step(&state, &spec, slot).verdict, TREND_RINGS);
	}
	for (int i = 0; i < 40 && rang_at < 0; i++) {
		struct trend_slot slot = slot_of(1000 * (1 - 0.01 * i));

		slot.has_reference[TREND_YESTERDAY] = true;
		slot.reference[TREND_YESTERDAY] = 1000;
		if (step(&state, &spec, slot).verdict == TREND_RINGS)
			rang_at = i;
	}
	/* Not before the least share of 15 %, and before it is half gone. */
	cr_expect_geq(rang_at, 15);
	cr_expect_lt(rang_at, 35);
}

Test(trend, what_is_no_value_is_passed_over)
{
	struct trend_spec spec = spec_of("sudden_drop");
	struct trend_state state = TREND_STATE_NEW, before;
	struct trend_slot slot = {.has_value = false};

	learn(&state, &spec, 40);
	before = state;
	cr_expect_str_eq(step(&state, &spec, slot).why, "no value");
	cr_expect_str_eq(step(&state, &spec, slot_of(-1)).why, "no value");
	spec.is_count = false;
	cr_expect_str_eq(step(&state, &spec, slot_of(0)).why, "no value");
	cr_expect_eq(memcmp(&state, &before, sizeof(state)), 0);
}

Test(trend, a_restart_at_any_slot_changes_nothing)
{
	struct trend_spec spec = spec_of("slow_rise");
	struct trend_state whole = TREND_STATE_NEW, cut = TREND_STATE_NEW;

	for (int i = 0; i < 300; i++) {
		struct trend_slot slot = slot_of(500 + (i * 37 % 100) + (i > 250 ? 20 * i : 0));
		struct trend_answer first, second;
		struct bytes row = BYTES_EMPTY;
		struct byte_reader reader;

		slot.has_reference[i % 2] = i > 24;
		slot.reference[i % 2] = 480 + i % 30;
		trend_step(&whole, &spec, &slot, &first);
		trend_step(&cut, &spec, &slot, &second);
		cr_assert_eq(first.verdict, second.verdict);
		cr_assert_eq(first.score, second.score);
		trend_encode(&cut, &row);
		reader = byte_reader_of(bytes_slice(&row));
		trend_decode(&reader, &cut);
		cr_assert_not(reader.has_failed);
		cr_assert_eq(reader.left, 0);
		bytes_deinit(&row);
	}
}

Test(trend, a_damaged_row_is_refused)
{
	struct trend_state state = TREND_STATE_NEW;
	struct trend_spec spec = spec_of("sudden_drop");
	struct bytes row = BYTES_EMPTY;

	learn(&state, &spec, 10);
	trend_encode(&state, &row);
	for (size_t length = 0; length < row.length; length++) {
		struct byte_reader reader = byte_reader_of((struct slice){row.data, length});

		trend_decode(&reader, &state);
		cr_expect(reader.has_failed, "%zu", length);
	}
	row.data[0] = TREND_ERRORS_MAX + 1;
	{
		struct byte_reader reader = byte_reader_of(bytes_slice(&row));

		trend_decode(&reader, &state);
		cr_expect(reader.has_failed);
	}
	bytes_deinit(&row);
}

Test(trend, names)
{
	struct trend_spec spec = {0};
	enum trend_sensitivity sensitivity = TREND_LOW;

	cr_expect(trend_parse("slow_rise", &spec));
	cr_expect(spec.is_slow && spec.is_rise);
	cr_expect_not(trend_parse("drop", &spec));
	cr_expect(trend_sensitivity_parse("high", &sensitivity));
	cr_expect_eq(sensitivity, TREND_HIGH);
	cr_expect_not(trend_sensitivity_parse("", &sensitivity));
}
