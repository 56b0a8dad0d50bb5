#include "core/cli/check_doubt.h"

#include "core/base/report.h"
#include "core/calendar/valid_time.h"
#include "core/cli/check_note.h"
#include "core/cli/value_set.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "lua/host/generation.h"

#include <string.h>

enum { SPAN_BYTES_MAX = 24, MEANING_BYTES_MAX = 300, DAY_MS = 86400000 };

struct doubting {
	const struct rule *rule;
	const char *source;
	struct report *out;
	double least_count;
};

/** What is certain of a condition. */
enum range { RANGE_SOME, RANGE_NEVER, RANGE_ALWAYS };

/** "count>=5 and max cost_time<3" */
static const char *meaning(const struct rule_condition *condition, char out[MEANING_BYTES_MAX])
{
	const struct rule_expression *one = &condition->expressions[0];
	char name[MEASURE_NAME_BYTES_MAX];

	if (condition->count > 1)
		snprintf(out, MEANING_BYTES_MAX, "%s", condition->text);
	else
		snprintf(out, MEANING_BYTES_MAX, "%s%s%.100s%s", measure_name(&one->measure, name),
			 one->field != NULL ? " " : "", one->field != NULL ? one->field : "",
			 one->threshold.text);
	return out;
}

/** Of those expressions that have one statistic and field. */
static enum range range_of_part(const struct doubting *doubting,
				const struct rule_condition *condition,
				const struct rule_expression *like)
{
	struct value_set set = value_set_of(&like->measure, doubting->least_count);
	bool can_hold = false, can_fail = false;

	value_set_add(&set, condition, like);
	for (uint32_t i = 0; i < set.count; i++) {
		bool holds = value_set_holds(condition, like, set.values[i]);

		can_hold |= holds;
		can_fail |= !holds;
	}
	return !can_hold ? RANGE_NEVER : !can_fail ? RANGE_ALWAYS : RANGE_SOME;
}

/** One part decides that `all` never hold, and that `any` always does; for the opposite every part
 *  must be so. */
static enum range range_of(const struct doubting *doubting, const struct rule_condition *condition)
{
	enum range decisive = condition->is_any ? RANGE_ALWAYS : RANGE_NEVER;
	enum range other = condition->is_any ? RANGE_NEVER : RANGE_ALWAYS;
	bool is_other = true;

	for (uint32_t i = 0; i < condition->count; i++) {
		enum range part = range_of_part(doubting, condition, &condition->expressions[i]);

		if (part == decisive)
			return decisive;
		is_other &= part == other;
	}
	return is_other ? other : RANGE_SOME;
}

static bool doubt_range(const struct doubting *doubting, const struct rule_condition *condition)
{
	enum range range = range_of(doubting, condition);
	char text[MEANING_BYTES_MAX];

	if (range == RANGE_NEVER)
		report_add(doubting->out, doubting->rule->file, condition->line,
			   "\"%s\" never holds: no window that is judged has %s", condition->option,
			   meaning(condition, text));
	else if (range == RANGE_ALWAYS)
		report_add(doubting->out, doubting->rule->file, condition->line,
			   "\"%s\" always holds: every window that is judged has %s",
			   condition->option, meaning(condition, text));
	return range == RANGE_SOME;
}

/** All expressions of both have the same statistic and field. */
static bool are_alike(const struct rule_condition *a, const struct rule_condition *b)
{
	for (uint32_t i = 1; i < a->count; i++)
		if (!value_set_is_like(&a->expressions[0], &a->expressions[i]))
			return false;
	for (uint32_t i = 0; i < b->count; i++)
		if (!value_set_is_like(&a->expressions[0], &b->expressions[i]))
			return false;
	return true;
}

/** How often the first holds, with and without the second. */
struct overlap {
	bool has_both, has_first_alone;
};

static struct overlap overlap_of(const struct doubting *doubting, const struct rule_condition *a,
				 const struct rule_condition *b)
{
	const struct rule_expression *like = &a->expressions[0];
	struct value_set set = value_set_of(&like->measure, doubting->least_count);
	struct overlap overlap = {false, false};

	value_set_add(&set, a, like);
	value_set_add(&set, b, like);
	for (uint32_t i = 0; i < set.count; i++) {
		if (!value_set_holds(a, like, set.values[i]))
			continue;
		if (value_set_holds(b, like, set.values[i]))
			overlap.has_both = true;
		else
			overlap.has_first_alone = true;
	}
	return overlap;
}

static void doubt_clear(const struct doubting *doubting, const struct rule_level *level)
{
	char clear[MEANING_BYTES_MAX], holds[MEANING_BYTES_MAX];
	struct overlap overlap;

	if (level->clear.count == 0 || !doubt_range(doubting, &level->clear) ||
	    !are_alike(&level->clear, &level->holds))
		return;
	overlap = overlap_of(doubting, &level->clear, &level->holds);
	if (overlap.has_both)
		report_add(doubting->out, doubting->rule->file, level->clear.line,
			   "\"clear\" (%s) overlaps the condition of severity %s (%s): where both "
			   "hold, %s",
			   meaning(&level->clear, clear), level->severity,
			   meaning(&level->holds, holds),
			   overlap.has_first_alone ? "it does not resolve"
						   : "it does not resolve, and so it never does");
}

/** A milder level that holds only where a worse one does, which is on as soon and as long. */
static void doubt_shadow(const struct doubting *doubting, uint32_t mild)
{
	const struct rule *rule = doubting->rule;
	const struct rule_level *level = &rule->levels[mild];
	char text[MEANING_BYTES_MAX];

	for (uint32_t i = mild + 1; i < rule->level_count; i++) {
		const struct rule_level *worse = &rule->levels[i];

		if (worse->hold_ms > level->hold_ms || worse->holds.count == 0 ||
		    (level->clear.count > 0 &&
		     level->clear.expressions != worse->clear.expressions) ||
		    worse->clear_hold_ms < level->clear_hold_ms ||
		    !are_alike(&level->holds, &worse->holds) ||
		    overlap_of(doubting, &level->holds, &worse->holds).has_first_alone)
			continue;
		report_add(doubting->out, rule->file, level->holds.line,
			   "severity \"%s\" never shows: wherever it holds, %s (%s) does, too",
			   level->severity, worse->severity, meaning(&worse->holds, text));
		return;
	}
}

static void doubt_conditions(const struct doubting *doubting)
{
	const struct rule *rule = doubting->rule;

	/* Then the number is another one for each key. */
	if (rule->key_thresholds != NULL)
		return;
	for (uint32_t i = 0; i < rule->level_count; i++) {
		const struct rule_level *level = &rule->levels[i];

		if (level->holds.count == 0 || !doubt_range(doubting, &level->holds))
			continue;
		doubt_clear(doubting, level);
		doubt_shadow(doubting, i);
	}
}

static int64_t least_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/** Changes alternate between on and off, each at a boundary of its own and after its time. */
static void doubt_flap(const struct doubting *doubting)
{
	const struct rule *rule = doubting->rule;
	int64_t on_ms = INT64_MAX, off_ms = INT64_MAX, least_ms;
	uint32_t gaps = rule->flap.changes - 1;
	char least[SPAN_BYTES_MAX], within[SPAN_BYTES_MAX];

	/* Early firing has no boundary, and silence is a state beside on and off. */
	if (rule->flap.changes == 0 || rule->is_early || rule->no_data == RULE_NO_DATA_ALERT)
		return;
	for (uint32_t i = 0; i < rule->level_count; i++) {
		on_ms = least_of(on_ms, rule->every_ms + rule->levels[i].hold_ms);
		off_ms = least_of(off_ms, rule->every_ms + rule->levels[i].clear_hold_ms);
	}
	least_ms = gaps / 2 * (on_ms + off_ms) + gaps % 2 * least_of(on_ms, off_ms);
	if (least_ms <= rule->flap.within_ms)
		return;
	span_format(least_ms, least, sizeof(least));
	span_format(rule->flap.within_ms, within, sizeof(within));
	report_add(doubting->out, rule->file, check_note_line(doubting->source, "flap"),
		   "\"flap\" never happens: %u changes of a key take at least %s, with what "
		   "\"every\", \"hold\" and \"clear_hold\" are, and \"within\" is %s",
		   rule->flap.changes, least, within);
}

/** The longest time that the rule is judged without a break, of two weeks in an ordinary year. */
static int64_t longest_valid_ms(const struct valid_time *valid)
{
	static const int64_t monday_ms = INT64_C(1767571200000), minute_ms = 60000;
	int64_t longest = 0, run = 0;

	for (int64_t at = monday_ms; at < monday_ms + INT64_C(14) * DAY_MS; at += minute_ms) {
		run = valid_time_holds(valid, at) ? run + minute_ms : 0;
		longest = run > longest ? run : longest;
	}
	return longest == INT64_C(14) * DAY_MS ? INT64_MAX : longest;
}

static void doubt_hold(const struct doubting *doubting)
{
	const struct rule *rule = doubting->rule;
	int64_t least_ms = INT64_MAX, longest_ms;
	char hold[SPAN_BYTES_MAX], longest[SPAN_BYTES_MAX];
	int line = check_note_line(doubting->source, "hold");

	for (uint32_t i = 0; i < rule->level_count; i++)
		least_ms = least_of(least_ms, rule->levels[i].hold_ms);
	if (rule->level_count == 0 || least_ms == 0)
		return;
	span_format(least_ms, hold, sizeof(hold));
	longest_ms = rule->valid_time != NULL ? longest_valid_ms(rule->valid_time) : INT64_MAX;
	if (least_ms > longest_ms) {
		span_format(longest_ms, longest, sizeof(longest));
		report_add(
			doubting->out, rule->file, line,
			"\"hold\" is %s, but \"valid_time\" lasts at most %s and what is pending "
			"begins anew with it: it never fires",
			hold, longest);
	} else if (least_ms > rule->key_idle_ms) {
		span_format(rule->key_idle_ms, longest, sizeof(longest));
		report_add(doubting->out, rule->file, line,
			   "\"hold\" is %s, but a key without readings is forgotten after %s "
			   "(key_idle)",
			   hold, longest);
	}
}

static const char *source_of(const struct generation *generation, const struct rule *rule)
{
	for (uint32_t i = 0; i < generation->file_count; i++)
		if (strcmp(generation->files[i].path, rule->file) == 0)
			return generation->files[i].source;
	return NULL;
}

static double least_count_of(const struct rule *rule)
{
	if (rule->no_data == RULE_NO_DATA_OK)
		return 0;
	if (rule->no_data == RULE_NO_DATA_ALERT && rule->min_samples == 0)
		return 1;
	return (double)rule->min_samples;
}

void check_doubts(const struct generation *generation, struct report *out)
{
	for (uint32_t i = 0; i < generation->rule_count; i++) {
		const struct rule *rule = generation->rules[i];
		struct doubting doubting = {rule, source_of(generation, rule), out,
					    least_count_of(rule)};

		if (i + 1 < generation->rule_count &&
		    strcmp(rule->name, generation->rules[i + 1]->name) == 0)
			continue;
		doubt_conditions(&doubting);
		doubt_flap(&doubting);
		doubt_hold(&doubting);
	}
}
