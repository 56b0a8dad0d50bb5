#include "core/model/zone_internal.h"

#include <string.h>

enum {
	S_PER_H = 3600,
	S_PER_DAY = 86400,
	OFFSET_HOURS_MAX = 24,
	CHANGE_HOURS_MAX = 167,
	CHANGE_DEFAULT_S = 2 * S_PER_H,
};

static const int days_in_month[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/* One cursor over the rule's text; `bad` stays set. */
struct rule_text {
	const char *at, *end;
	bool bad;
};

static char text_peek(const struct rule_text *text)
{
	return text->at < text->end ? *text->at : '\0';
}

static bool text_accept(struct rule_text *text, char c)
{
	if (text_peek(text) != c || text->at == text->end)
		return false;
	text->at++;
	return true;
}

static void text_expect(struct rule_text *text, char c)
{
	if (!text_accept(text, c))
		text->bad = true;
}

static int text_number(struct rule_text *text, int min, int max)
{
	const char *first = text->at;
	int number = 0;

	while (text_peek(text) >= '0' && text_peek(text) <= '9' && number <= max)
		number = number * 10 + (*text->at++ - '0');
	if (text->at == first || number < min || number > max)
		text->bad = true;
	return number;
}

/* "CST" or "<+08>": read over, alerts show offsets only through the local time. */
static void text_name(struct rule_text *text)
{
	const char *first = text->at;

	if (text_accept(text, '<')) {
		while (text->at < text->end && *text->at != '>')
			text->at++;
		text_expect(text, '>');
		return;
	}
	while ((text_peek(text) >= 'A' && text_peek(text) <= 'Z') ||
	       (text_peek(text) >= 'a' && text_peek(text) <= 'z'))
		text->at++;
	if (text->at - first < 3)
		text->bad = true;
}

/* "[+-]hh[:mm[:ss]]" */
static int32_t text_time(struct rule_text *text, int hours_max)
{
	bool is_negative = text_accept(text, '-');

	if (!is_negative)
		text_accept(text, '+');
	int32_t seconds = text_number(text, 0, hours_max) * S_PER_H;
	if (text_accept(text, ':'))
		seconds += text_number(text, 0, 59) * 60;
	if (text_accept(text, ':'))
		seconds += text_number(text, 0, 59);
	return is_negative ? -seconds : seconds;
}

static struct zone_change text_change(struct rule_text *text)
{
	struct zone_change change = {.time_s = CHANGE_DEFAULT_S};

	if (text_accept(text, 'M')) {
		change.form = DAY_WEEK_OF_MONTH;
		change.month = text_number(text, 1, 12);
		text_expect(text, '.');
		change.week = text_number(text, 1, 5);
		text_expect(text, '.');
		change.weekday = text_number(text, 0, 6);
	} else if (text_accept(text, 'J')) {
		change.form = DAY_JULIAN;
		change.day = text_number(text, 1, 365);
	} else {
		change.form = DAY_OF_YEAR;
		change.day = text_number(text, 0, 365);
	}
	if (text_accept(text, '/'))
		change.time_s = text_time(text, CHANGE_HOURS_MAX);
	return change;
}

int zone_rule_parse(struct zone_rule *out, struct slice slice)
{
	struct rule_text text = {slice.data, slice.data + slice.length, false};
	struct zone_rule rule = {0};

	text_name(&text);
	rule.standard_s = -text_time(&text, OFFSET_HOURS_MAX);
	if (!text.bad && text.at < text.end) {
		rule.has_summer = true;
		text_name(&text);
		rule.summer_s = text_peek(&text) == ',' ? rule.standard_s + S_PER_H
							: -text_time(&text, OFFSET_HOURS_MAX);
		text_expect(&text, ',');
		rule.summer_from = text_change(&text);
		text_expect(&text, ',');
		rule.summer_until = text_change(&text);
	}
	if (text.bad || text.at != text.end)
		return ERR_CORRUPT;
	*out = rule;
	return 0;
}

static bool is_leap_year(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to January 1 of `year`, for years after 0. */
static int64_t year_start_days(int64_t year)
{
	int64_t last = year - 1;

	return last * 365 + last / 4 - last / 100 + last / 400 - 719162;
}

static int64_t change_day_of_year(const struct zone_change *change, int64_t year)
{
	bool has_leap_day = is_leap_year(year);
	int64_t before = 0;

	if (change->form == DAY_OF_YEAR)
		return change->day;
	if (change->form == DAY_JULIAN)
		return change->day - 1 + (has_leap_day && change->day > 59);
	for (int month = 1; month < change->month; month++)
		before += days_in_month[month] + (month == 2 && has_leap_day);
	int length = days_in_month[change->month] + (change->month == 2 && has_leap_day);
	int64_t first_weekday = (year_start_days(year) + before + 4) % 7; /* 1970-01-01: Thursday */
	if (first_weekday < 0)
		first_weekday += 7;
	int64_t day = (change->weekday - first_weekday + 7) % 7 + (change->week - 1) * 7;
	while (day >= length) /* week 5 means the last one, and a month may have only four */
		day -= 7;
	return before + day;
}

/* The change as UTC seconds; `offset_s` is what holds before it. */
static int64_t change_utc_s(const struct zone_change *change, int64_t year, int32_t offset_s)
{
	int64_t days = year_start_days(year) + change_day_of_year(change, year);

	return days * S_PER_DAY + change->time_s - offset_s;
}

static int64_t year_of(int64_t utc_s)
{
	int64_t days = utc_s / S_PER_DAY - (utc_s % S_PER_DAY < 0);
	int64_t year = 1970 + days * 400 / 146097; /* mean length of a year: right to within one */

	while (year_start_days(year + 1) <= days)
		year++;
	while (year_start_days(year) > days)
		year--;
	return year;
}

int32_t zone_rule_offset_s(const struct zone_rule *rule, int64_t utc_s)
{
	if (!rule->has_summer)
		return rule->standard_s;
	int64_t year = year_of(utc_s + rule->standard_s);
	int64_t from = change_utc_s(&rule->summer_from, year, rule->standard_s);
	int64_t until = change_utc_s(&rule->summer_until, year, rule->summer_s);
	/* South of the equator summer holds over the new year. */
	bool is_summer =
		from < until ? utc_s >= from && utc_s < until : utc_s >= from || utc_s < until;

	return is_summer ? rule->summer_s : rule->standard_s;
}
