/** parser.h - the text of a filter to a tree of nodes (node.h), by precedence climbing.
 *  Owner: the tree lives in the arena, which also keeps the decoded strings. No regex is compiled
 *  and no column is known yet.
 *  Errors: ERR_INVALID for what is not an expression, ERR_RANGE for a limit of filter.h.
 */
#ifndef TOCSIN_CORE_FILTER_PARSER_H
#define TOCSIN_CORE_FILTER_PARSER_H

struct arena;
struct err_note;
struct node;

int parser_parse(struct node **out, const char *text, struct arena *arena, struct err_note *why);

#endif
