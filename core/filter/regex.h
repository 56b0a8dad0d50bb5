/** regex.h - PCRE2 behind one wall: compiled once, matched with limits, any thread.
 *  Owner: regex_compile() result owned, regex_free(); a compiled regex is read by several threads
 *  at once, each with its own regex_matcher.
 *  Limits: REGEX_MATCH_LIMIT, REGEX_HEAP_KIB_MAX of memory. A match that reaches one is "no match",
 *  and counted. PCRE2 counts its steps anew for each place where a match may start, and the JIT
 *  counts none inside one repeat: exponential patterns end within 1 ms, quadratic ones cost what
 *  they cost (`a*a*[bc]` over a's: 3 ms for 4 KiB, 0.6-0.9 s for 64 KiB). A lower limit for long
 *  text was tried: it also ends harmless patterns like `GET .* 5\d\d$`, so length is the caller's
 *  to bound.
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
