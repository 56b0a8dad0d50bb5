#include "core/filter/parser_method.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/report.h"
#include "core/filter/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum node_kind kind;
} methods[] = {
#define METHOD_ROW(name, text) {text, NODE_##name},
	METHOD_LIST(METHOD_ROW)
#undef METHOD_ROW
};

const char *node_method_name(enum node_kind kind)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].kind == kind)
			return methods[i].name;
	return "";
}

static int find_method(struct parser *parser, enum node_kind *out)
{
	static const char *const names[] = {
#define METHOD_ROW(name, text) text,
		METHOD_LIST(METHOD_ROW)
#undef METHOD_ROW
			NULL};
	char word[16], found[TOKEN_DESCRIPTION_BYTES_MAX];
	const char *nearest;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!slice_equal(parser->token.text, slice_of(methods[i].name)))
			continue;
		*out = methods[i].kind;
		return 0;
	}
	snprintf(word, sizeof(word), "%.*s", (int)parser->token.text.length,
		 parser->token.text.data);
	nearest = report_nearest(word, names);
	return err_set(
		parser->why, ERR_INVALID,
		"column %u: %s is not a method; allowed are match, contains, starts and in_%s%s%s",
		parser->token.at, token_describe(&parser->token, found),
		nearest ? "; did you mean `" : "", nearest ? nearest : "", nearest ? "`?" : "");
}

static int parse_text(struct parser *parser, struct node *method)
{
	if (parser->token.kind != TOKEN_STRING)
		return parser_fail(parser, "a string");
	method->constant = parser->token.value;
	if (method->kind == NODE_MATCH && method->constant.length > FILTER_REGEX_BYTES_MAX)
		return err_set(parser->why, ERR_RANGE,
			       "column %u: the regex has %u bytes; allowed are up to %d",
			       parser->token.at, method->constant.length, FILTER_REGEX_BYTES_MAX);
	return parser_advance(parser);
}

int node_set_order(const struct value *a, const struct value *b)
{
	static const int rank_of[] = {[VALUE_NIL] = 3,
				      [VALUE_BOOL] = 2,
				      [VALUE_INT] = 0,
				      [VALUE_FLOAT] = 0,
				      [VALUE_STRING] = 1};

	if (rank_of[a->type] != rank_of[b->type])
		return rank_of[a->type] - rank_of[b->type];
	if (a->type == VALUE_BOOL)
		return (int)a->as.boolean - (int)b->as.boolean;
	return (int)order_values(a, b) - (int)ORDER_EQUAL;
}

static int compare_values(const void *a, const void *b)
{
	return node_set_order(a, b);
}

static int parse_set_value(struct parser *parser, struct value *out)
{
	bool is_negative = parser->token.kind == TOKEN_MINUS;
	int err = is_negative ? parser_advance(parser) : 0;

	if (err != 0)
		return err;
	*out = parser->token.value;
	if (parser->token.kind == TOKEN_NUMBER) {
		if (is_negative && out->type == VALUE_INT)
			out->as.integer = -out->as.integer;
		else if (is_negative)
			*out = filter_number(-out->as.number);
	} else if (is_negative) {
		return parser_fail(parser, "a number after `-`");
	} else if (parser->token.kind == TOKEN_TRUE || parser->token.kind == TOKEN_FALSE) {
		*out = (struct value){.type = VALUE_BOOL,
				      .as.boolean = parser->token.kind == TOKEN_TRUE};
	} else if (parser->token.kind != TOKEN_STRING) {
		return parser_fail(parser, "a string, a number, true or false (for a missing field "
					   "write `field == nil`)");
	}
	return parser_advance(parser);
}

static struct value *grow_set(struct parser *parser, struct value *set, uint32_t count)
{
	struct value *larger = arena_alloc(parser->arena, 2 * (count + 4) * sizeof(*set));

	if (count > 0)
		memcpy(larger, set, count * sizeof(*set));
	return larger;
}

/* Sorted and without repeats: found by halving, and one canonical form for one set. */
static int parse_set(struct parser *parser, struct node *method)
{
	struct value *set = NULL;
	uint32_t count = 0, capacity = 0, kept = 0;
	bool is_more = true;
	int err = 0;

	while (err == 0 && is_more) {
		if (count == capacity) {
			set = grow_set(parser, set, count);
			capacity = 2 * (count + 4);
		}
		err = parse_set_value(parser, &set[count++]);
		is_more = err == 0 && parser->token.kind == TOKEN_COMMA;
		if (is_more)
			err = parser_advance(parser);
	}
	if (err != 0)
		return err;
	qsort(set, count, sizeof(*set), compare_values);
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || node_set_order(&set[kept - 1], &set[i]) != 0)
			set[kept++] = set[i];
	method->set = set;
	method->set_count = kept;
	return 0;
}

int parser_method(struct parser *parser, struct node *receiver, struct node **out)
{
	enum node_kind kind = NODE_MATCH;
	uint32_t at = parser->token.at + 1;
	int err = parser_advance(parser);

	if (err == 0 && parser->token.kind != TOKEN_NAME)
		err = parser_fail(parser, "match, contains, starts or in_");
	if (err == 0)
		err = find_method(parser, &kind);
	if (err == 0)
		err = parser_advance(parser);
	if (err == 0)
		err = parser_expect(parser, TOKEN_OPEN, "`(`");
	if (err == 0)
		err = parser_node(parser, kind, at, out);
	if (err != 0)
		return err;
	(*out)->first = receiver;
	err = kind == NODE_IN ? parse_set(parser, *out) : parse_text(parser, *out);
	if (err == 0)
		err = parser_expect(parser, TOKEN_CLOSE, kind == NODE_IN ? "`,` or `)`" : "`)`");
	return err;
}
