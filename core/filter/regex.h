/** regex.h - PCRE2 behind one wall: compiled once, matched with limits, any thread.
 *  Owner: regex_compile() result owned, regex_free(); a compiled regex is read by several threads
 *  at once, each with its own regex_matcher.
 *  Limits: REGEX_MATCH_LIMIT, REGEX_HEAP_KIB_MAX of memory. A match that reaches one is "no match",
 *  and counted. It ends exponential patterns (0.3 ms with JIT, 2 ms without) but it is no bound on
 *  the whole match: many starts that each stay below it add up. Measured, `a*a*[bc]` over a's, no
 *  limit hit: JIT 3 ms for 4 KiB and up to 0.9 s for 64 KiB; interpreter 0.4 s for 1 KiB, 21 s for
 *  4 KiB. A limit scaled down for long text was tried: it was hit by `(GET|POST) /\S+ .* 5\d\d$`.
 *  So the length of text and the trust in patterns are the caller's to bound.
 *  The JIT is used where the system grants executable memory, otherwise the interpreter.
 */
#ifndef TOCSIN_CORE_FILTER_REGEX_H
#define TOCSIN_CORE_FILTER_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct regex;
struct regex_matcher;

enum { REGEX_MATCH_LIMIT = 100000, REGEX_HEAP_KIB_MAX = 8192 };

/** ERR_INVALID: the sentence names the byte of the pattern (from 1). */
int regex_compile(struct regex **out, struct slice pattern, struct err_note *why);
void regex_free(struct regex *regex);

struct regex_matcher *regex_matcher_new(void);
void regex_matcher_free(struct regex_matcher *matcher);
bool regex_match(const struct regex *regex, struct slice text, struct regex_matcher *matcher);
uint64_t regex_matcher_limits_hit(const struct regex_matcher *matcher);

#endif
