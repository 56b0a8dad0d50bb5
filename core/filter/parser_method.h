/** parser_method.h - the parser's state, and the half of it that reads `field:method(...)`. */
#ifndef TOCSIN_CORE_FILTER_PARSER_METHOD_H
#define TOCSIN_CORE_FILTER_PARSER_METHOD_H

#include "core/filter/lexer.h"
#include "core/filter/node.h"

struct parser {
	struct lexer lexer;
	struct token token; /**< the next one, not yet taken */
	struct arena *arena;
	uint32_t depth;
	uint32_t node_count;
	struct err_note *why;
};

int parser_advance(struct parser *parser);
int parser_fail(struct parser *parser, const char *allowed); /**< found ...; allowed here: ... */
int parser_expect(struct parser *parser, enum token_kind kind, const char *allowed);
int parser_node(struct parser *parser, enum node_kind kind, uint32_t at, struct node **out);

/** The token is the colon behind `receiver`. */
int parser_method(struct parser *parser, struct node *receiver, struct node **out);

#endif
