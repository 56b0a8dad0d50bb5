#include "core/model/timestamp.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/number.h"
#include "core/model/value.h"

enum {
	YEAR_MIN = 1970,
	YEAR_MAX = 9999,
	DATE_TIME_LENGTH = 19, /* "2026-11-22T06:00:00" */
	OFFSET_LENGTH = 6,     /* "+08:00" */
	S_PER_DAY = 86400,
};

#define MS_END             INT64_C(253402300800000) /* 10000-01-01T00:00:00Z */
#define EPOCH_MS_FROM      100000000000.0           /* 1e11: larger numbers are milliseconds */
#define DAYS_TO_1970       719468 /* from 0000-03-01, the start of the day count */
#define DAYS_PER_400_YEARS 146097

/* Days before the month in a year that is not a leap year; the entry after it ends the month. */
static const uint16_t days_before_month[] = {0,   0,   31,  59,  90,  120, 151,
					     181, 212, 243, 273, 304, 334, 365};

/* Date and time are read eight characters at once, as bytes of a number (the first one lowest):
 *
 *     2026-11-   22T06:00        then ":00" and what follows, one by one
 *     dd dd dd   dd dd dd        two digits each, at bytes 0 2 5 and 0 3 6
 */
#define DATE_DIGITS     UINT64_C(0x00FFFF00FFFFFFFF)
#define DATE_MARKS      UINT64_C(0x2D00002D00000000) /* "-" at 4 and 7 */
#define DAY_TIME_DIGITS UINT64_C(0xFFFF00FFFF00FFFF)
#define DAY_TIME_MARKS  UINT64_C(0x00003A0000000000) /* ":" at 5; the "T" at 2 has several forms */
#define MARK_T          UINT64_C(0x0000000000FF0000)

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* For the digits in `mask`: each byte as the number it makes with the byte after it. False when one
 * is no digit or the characters between are not `marks`. */
static inline bool digit_pairs(uint64_t text, uint64_t mask, uint64_t marks, uint64_t *out)
{
	uint64_t digits = text & mask, zeros = EACH_BYTE(0x30) & mask;
	/* A digit is 0x3? and still is when 6 is added: that turns 0x3A to 0x3F into 0x4?. */
	bool are_digits = (digits & EACH_BYTE(0xF0)) == zeros &&
			  ((digits + (EACH_BYTE(0x06) & mask)) & EACH_BYTE(0xF0)) == zeros;

	digits &= EACH_BYTE(0x0F);
	*out = digits * 10 + (digits >> 8);
	return are_digits && (text & ~mask) == marks;
}

static inline unsigned pair_at(uint64_t pairs, unsigned byte)
{
	return (unsigned)(pairs >> (byte * 8)) & 0xFF;
}

static inline uint64_t load_8(const char *at)
{
	uint64_t text;

	memcpy(&text, at, sizeof(text));
	return le64toh(text);
}

/* Two digits; anything else leaves its mark in `bad`. */
static inline unsigned digits_2(const char *at, unsigned *bad)
{
	unsigned tens = (unsigned char)at[0] - (unsigned)'0';
	unsigned ones = (unsigned char)at[1] - (unsigned)'0';

	*bad |= (tens > 9) | (ones > 9);
	return tens * 10 + ones;
}

static inline bool is_leap_year(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Reads from 1970-01-01 on; earlier years were refused before. False: no such day. */
static inline bool days_since_1970(unsigned year, unsigned month, unsigned day, int64_t *out)
{
	if (month < 1 || month > 12 || day < 1)
		return false;
	bool has_leap_day = is_leap_year(year);
	unsigned in_month = (unsigned)days_before_month[month + 1] - days_before_month[month] +
			    (month == 2 && has_leap_day);
	if (day > in_month)
		return false;
	unsigned last = year - 1;
	unsigned leap_days = last / 4 - last / 100 + last / 400 - 477; /* 477 before 1970 */
	*out = (int64_t)(year - YEAR_MIN) * 365 + leap_days + days_before_month[month] +
	       (month > 2 && has_leap_day) + day - 1;
	return true;
}

/* ".123456": milliseconds, the rest is cut. Returns the character after it; NULL: no digit. */
static const char *fraction_parse(const char *at, const char *end, unsigned *out_ms)
{
	const char *first = ++at;
	unsigned ms = 0, count = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++, count++)
		if (count < 3)
			ms = ms * 10 + (unsigned)(*at - '0');
	for (; count < 3; count++)
		ms *= 10;
	*out_ms = ms;
	return at == first ? NULL : at;
}

static int offset_parse(const char *at, const char *end, int64_t *out_s)
{
	unsigned bad = 0;

	*out_s = 0;
	if (at == end)
		return 0;
	if (end - at == 1 && (*at == 'Z' || *at == 'z'))
		return 0;
	if (end - at != OFFSET_LENGTH || (*at != '+' && *at != '-') || at[3] != ':')
		return ERR_INVALID;
	unsigned hours = digits_2(at + 1, &bad), minutes = digits_2(at + 4, &bad);
	if (bad || hours > 23 || minutes > 59)
		return ERR_INVALID;
	*out_s = (*at == '-' ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
	return 0;
}

static int parse_rfc3339(const char *at, const char *end, int64_t *out_ms)
{
	unsigned bad = 0, ms = 0;
	int64_t days = 0, offset_s = 0;
	uint64_t date = 0, day_time = 0, day_time_text = load_8(at + 8);

	bad |= !digit_pairs(load_8(at), DATE_DIGITS, DATE_MARKS, &date);
	bad |= !digit_pairs(day_time_text & ~MARK_T, DAY_TIME_DIGITS, DAY_TIME_MARKS, &day_time);
	unsigned year = pair_at(date, 0) * 100 + pair_at(date, 2), month = pair_at(date, 5);
	unsigned day = pair_at(day_time, 0), hour = pair_at(day_time, 3);
	unsigned minute = pair_at(day_time, 6), second = digits_2(at + 17, &bad);

	bad |= at[10] != 'T' && at[10] != ' ' && at[10] != 't';
	bad |= at[16] != ':';
	/* A leap second is counted as the second after it: the epoch has no number for it. */
	bad |= hour > 23 || minute > 59 || second > (minute == 59 ? 60u : 59u);
	if (bad)
		return ERR_INVALID;
	if (year < YEAR_MIN)
		return ERR_RANGE;
	if (!days_since_1970(year, month, day, &days))
		return ERR_INVALID;
	at += DATE_TIME_LENGTH;
	if (at < end && *at == '.') {
		at = fraction_parse(at, end, &ms);
		if (at == NULL)
			return ERR_INVALID;
	}
	if (offset_parse(at, end, &offset_s) != 0)
		return ERR_INVALID;
	int64_t seconds = days * S_PER_DAY + hour * 3600 + minute * 60 + second - offset_s;
	int64_t result = seconds * 1000 + ms;
	if (result < 0 || result >= MS_END)
		return ERR_RANGE;
	*out_ms = result;
	return 0;
}

/* "1732255200.123" digit by digit, so that no binary fraction comes between. Other notations
 * ("1.7e9") take the way of numbers. */
static int parse_epoch(const char *at, const char *end, int64_t *out_ms)
{
	struct slice whole = {at, (size_t)(end - at)};
	int64_t units = 0;
	unsigned ms = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (units >= MS_END)
			return ERR_RANGE;
		units = units * 10 + (*at - '0');
	}
	bool has_digits = at > whole.data;
	if (has_digits && at < end && *at == '.')
		at = fraction_parse(at, end, &ms);
	if (!has_digits || at == NULL || at < end) {
		double epoch = 0;
		int code = number_parse(whole, &epoch);

		return code != 0 ? code : timestamp_from_number(epoch, out_ms);
	}
	int64_t result = (double)units < EPOCH_MS_FROM ? units * 1000 + ms : units;
	if (result >= MS_END)
		return ERR_RANGE;
	*out_ms = result;
	return 0;
}

int timestamp_parse(struct slice text, int64_t *out_ms)
{
	if (text.length >= DATE_TIME_LENGTH && text.data[4] == '-')
		return parse_rfc3339(text.data, text.data + text.length, out_ms);
	if (text.length == 0)
		return ERR_INVALID;
	return parse_epoch(text.data, text.data + text.length, out_ms);
}

int timestamp_from_number(double epoch, int64_t *out_ms)
{
	/* 1732255200.123 is a little more or less in binary; a thousandth of a ms puts it right. */
	const double slack_ms = 0.001;

	if (isnan(epoch))
		return ERR_INVALID;
	if (epoch < 0 || epoch >= (double)MS_END)
		return ERR_RANGE;
	*out_ms = (int64_t)(epoch < EPOCH_MS_FROM ? epoch * 1000 + slack_ms : epoch);
	return 0;
}

int timestamp_from_value(const struct value *value, int64_t *out_ms)
{
	switch ((enum value_type)value->type) {
	case VALUE_STRING:
		return timestamp_parse((struct slice){value->as.text, value->length}, out_ms);
	case VALUE_INT: return timestamp_from_number((double)value->as.integer, out_ms);
	case VALUE_FLOAT: return timestamp_from_number(value->as.number, out_ms);
	case VALUE_NIL:
	case VALUE_BOOL: break;
	}
	return ERR_INVALID;
}

int timestamp_format(int64_t ms, char out[TIMESTAMP_TEXT_BYTES_MAX])
{
	int64_t seconds = ms / 1000 - (ms % 1000 < 0);
	int fraction = (int)(ms - seconds * 1000);
	int64_t days = seconds / S_PER_DAY - (seconds % S_PER_DAY < 0);
	int second = (int)(seconds - days * S_PER_DAY);
	/* Civil date of a day number: Hinnant, "chrono-compatible low-level date algorithms";
	 * years start in March, so that the leap day is the last of its year. */
	int64_t shifted = days + DAYS_TO_1970;
	int64_t era =
		(shifted >= 0 ? shifted : shifted - (DAYS_PER_400_YEARS - 1)) / DAYS_PER_400_YEARS;
	int64_t day_of_era = shifted - era * DAYS_PER_400_YEARS;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;
	int day = (int)(day_of_year - (153 * march_month + 2) / 5) + 1;
	int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
	int64_t year = year_of_era + era * 400 + (month <= 2);

	int length =
		snprintf(out, TIMESTAMP_TEXT_BYTES_MAX, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d",
			 year, month, day, second / 3600, second / 60 % 60, second % 60);
	if (fraction != 0)
		length += snprintf(out + length, TIMESTAMP_TEXT_BYTES_MAX - (size_t)length, ".%03d",
				   fraction);
	out[length++] = 'Z';
	out[length] = '\0';
	return length;
}
