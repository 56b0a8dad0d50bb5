#include "bench/gen/line.h"

#include <string.h>

#include "core/model/timestamp.h"

enum {
	PAYMENT_DIGITS = 10,
	MERCHANT_DIGITS = 4,
	CUSTOMER_DIGITS = 7,
	FIELD_COUNT = 9,
	VALUE_BYTES_MAX = 64,
	SHAPE_COUNT = 6,
	CSV_BROKEN_KINDS = 3,
	JSON_BROKEN_KINDS = 5,
};

enum line_field { TIME, PAYMENT, MERCHANT, CUSTOMER, AMOUNT, COST, APP, CITY, SUCCESS };

static const char *const apps[] = {"wallet", "mobile", "web", "pos"};
static const char *const cities[] = {"Shanghai", "Beijing", "Shenzhen", "Hangzhou",
				     "Chengdu",  "Wuhan",   "Nanjing",  "Xiamen"};
/* The same cities with escapes: a decoder must give the same text. */
static const char *const escaped_cities[] = {"Sh\\u0061nghai", "Bei\\u006aing", "\\u0053henzhen",
					     "H\\u0061ngzhou", "Chengd\\u0075", "W\\u0075han",
					     "N\\u0061njing",  "Xi\\u0061men"};

static const char *const names[FIELD_COUNT] = {"time",       "paymentId", "merchantId",
					       "customerId", "amount",    "cost_time",
					       "app",        "city",      "success"};

static inline char *put_text(char *at, const char *text)
{
	size_t length = strlen(text);

	memcpy(at, text, length);
	return at + length;
}

/* At least `digits` digits, with zeros in front. */
static inline char *put_number(char *at, uint64_t number, int digits)
{
	char text[20];
	int length = 0;

	do {
		text[length++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (length < digits)
		text[length++] = '0';
	while (length > 0)
		*at++ = text[--length];
	return at;
}

static char *put_time(struct line_writer *writer, char *at, int64_t time_ms)
{
	int64_t second = time_ms / 1000;

	if (second != writer->second) {
		char text[TIMESTAMP_TEXT_BYTES_MAX];

		timestamp_format(second * 1000, text);
		memcpy(writer->second_text, text, SECOND_TEXT_BYTES);
		writer->second = second;
	}
	memcpy(at, writer->second_text, SECOND_TEXT_BYTES);
	at += SECOND_TEXT_BYTES;
	*at++ = '.';
	at = put_number(at, (uint64_t)(time_ms % 1000), 3);
	*at++ = 'Z';
	return at;
}

static char *put_amount(char *at, uint32_t cents)
{
	at = put_number(at, cents / 100, 1);
	*at++ = '.';
	return put_number(at, cents % 100, 2);
}

static char *put_id(char *at, char letter, uint64_t number, int digits)
{
	*at++ = letter;
	return put_number(at, number, digits);
}

void line_writer_init(struct line_writer *writer)
{
	*writer = (struct line_writer){.second = -1};
}

/* The shape of nearly every line, written without looking at lists: speed is the point here. */
static char *put_usual(struct line_writer *writer, char *at, const struct payment *payment)
{
	at = put_text(at, "{\"time\":\"");
	at = put_time(writer, at, payment->time_ms);
	at = put_text(at, "\",\"paymentId\":\"");
	at = put_id(at, 'p', payment->number, PAYMENT_DIGITS);
	at = put_text(at, "\",\"merchantId\":\"");
	at = put_id(at, 'm', payment->merchant, MERCHANT_DIGITS);
	at = put_text(at, "\",\"customerId\":\"");
	at = put_id(at, 'c', payment->customer, CUSTOMER_DIGITS);
	at = put_text(at, "\",\"amount\":");
	at = put_amount(at, payment->amount_cents);
	at = put_text(at, ",\"cost_time\":");
	at = put_number(at, payment->cost_time_ms, 1);
	at = put_text(at, ",\"app\":\"");
	at = put_text(at, apps[payment->app]);
	at = put_text(at, "\",\"city\":\"");
	at = put_text(at, cities[payment->city]);
	return put_text(at, payment->is_success ? "\",\"success\":true}" : "\",\"success\":false}");
}

static char *put_quoted(char *at, const char *text, const char *end)
{
	*at++ = '"';
	memcpy(at, text, (size_t)(end - text));
	at += end - text;
	*at++ = '"';
	return at;
}

/* One value in JSON; `has_escapes` writes it in the longer way that means the same. */
static char *put_value(struct line_writer *writer, char *at, const struct payment *payment,
		       enum line_field field, bool has_escapes)
{
	char text[VALUE_BYTES_MAX];

	switch (field) {
	case TIME: return put_quoted(at, text, put_time(writer, text, payment->time_ms));
	case PAYMENT:
		return put_quoted(at, text, put_id(text, 'p', payment->number, PAYMENT_DIGITS));
	case MERCHANT:
		return put_quoted(at, text, put_id(text, 'm', payment->merchant, MERCHANT_DIGITS));
	case CUSTOMER:
		return put_quoted(at, text, put_id(text, 'c', payment->customer, CUSTOMER_DIGITS));
	case AMOUNT:
		if (!has_escapes)
			return put_amount(at, payment->amount_cents);
		return put_text(put_number(at, payment->amount_cents, 1), "e-2");
	case COST: return put_number(at, payment->cost_time_ms, 1);
	case APP: return put_quoted(at, text, put_text(text, apps[payment->app]));
	case CITY:
		return put_quoted(at, text,
				  put_text(text, has_escapes ? escaped_cities[payment->city]
							     : cities[payment->city]));
	case SUCCESS: return put_text(at, payment->is_success ? "true" : "false");
	}
	return at;
}

/* The same payment in one of six forms; an independent JSON parser reads the same nine values. */
static char *put_other(struct line_writer *writer, char *at, const struct payment *payment)
{
	static const unsigned char orders[][FIELD_COUNT] = {
		{MERCHANT, TIME, AMOUNT, PAYMENT, SUCCESS, CUSTOMER, COST, CITY, APP},
		{SUCCESS, CITY, APP, COST, AMOUNT, CUSTOMER, MERCHANT, PAYMENT, TIME},
		{TIME, PAYMENT, MERCHANT, CUSTOMER, AMOUNT, COST, APP, CITY, SUCCESS},
	};
	uint32_t shape = random_below(payment->form_bits, SHAPE_COUNT);
	const unsigned char *order = orders[shape < 2 ? shape : 2];
	bool has_nested = shape == 2 || shape == 5, has_escapes = shape == 3 || shape == 5;
	const char *blank = shape == 4 ? " " : "";

	*at++ = '{';
	for (int i = 0; i < FIELD_COUNT; i++) {
		if (i > 0)
			at = put_text(put_text(at, ","), blank);
		*at++ = '"';
		at = put_text(put_text(put_text(at, names[order[i]]), "\":"), blank);
		at = put_value(writer, at, payment, (enum line_field)order[i], has_escapes);
		if (i == 3 && has_nested)
			at = put_text(at,
				      ",\"customer\":{\"level\":3,\"amount\":1.5,\"tags\":[\"a\","
				      "{\"time\":\"x}\"}],\"parent\":null},\"note\":\"a "
				      "\\\"quoted\\\" word, \\u5546\\u6237 \xE5\x95\x86\xE6\x88\xB7"
				      "\"");
	}
	*at++ = '}';
	return at;
}

/* Not a reading in any of five ways: cut off, plain text, no JSON, no time, no object. */
static char *put_broken(struct line_writer *writer, char *at, const struct payment *payment)
{
	char *first = at;
	char *end = put_usual(writer, at, payment);
	uint32_t kind = random_below(payment->form_bits, JSON_BROKEN_KINDS);

	if (kind == 0)
		return first + 1 + payment->form_bits % (uint32_t)(end - first - 2);
	if (kind == 1)
		return put_text(first, "java.net.SocketTimeoutException: Read timed out");
	if (kind == 2) {
		first[strlen("{\"time\"")] = ' ';
		return end;
	}
	if (kind == 3) {
		memcpy(first + strlen("{\"time\":\""), "not a time, not any day", 23);
		return end;
	}
	*first = '[';
	return put_text(first + 1, "17,\"payment\"]");
}

void line_append_json(struct line_writer *writer, const struct payment *payment, struct bytes *out)
{
	bytes_reserve(out, LINE_BYTES_MAX);
	char *first = out->data + out->length, *end;

	if (payment->is_malformed)
		end = put_broken(writer, first, payment);
	else if (payment->has_other_shape)
		end = put_other(writer, first, payment);
	else
		end = put_usual(writer, first, payment);
	*end++ = '\n';
	out->length += (size_t)(end - first);
}

void line_append_csv(struct line_writer *writer, const struct payment *payment, struct bytes *out)
{
	bytes_reserve(out, LINE_BYTES_MAX);
	char *first = out->data + out->length;
	char *at = put_time(writer, first, payment->time_ms);

	*at++ = ',';
	at = put_id(at, 'p', payment->number, PAYMENT_DIGITS);
	*at++ = ',';
	at = put_id(at, 'm', payment->merchant, MERCHANT_DIGITS);
	*at++ = ',';
	at = put_id(at, 'c', payment->customer, CUSTOMER_DIGITS);
	*at++ = ',';
	at = put_amount(at, payment->amount_cents);
	at = put_text(at, payment->is_success ? ",true" : ",false");
	if (payment->is_malformed) {
		uint32_t kind = random_below(payment->form_bits, CSV_BROKEN_KINDS);

		if (kind == 0) /* at most the first two columns are left */
			at = first + 1 + payment->form_bits % (SECOND_TEXT_BYTES + PAYMENT_DIGITS);
		else if (kind == 1)
			at = put_text(first, "java.net.SocketTimeoutException: Read timed out");
		else
			memcpy(first, "not a time", 10);
	}
	*at++ = '\n';
	out->length += (size_t)(at - first);
}
