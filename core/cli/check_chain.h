/** check_chain.h - what a chain of the site can hardly mean: a plan that is not there, somebody who
 *  has no way to be reached, a condition for nothing. Not faults: see check_doubt.h.
 */
#ifndef TOCSIN_CORE_CLI_CHECK_CHAIN_H
#define TOCSIN_CORE_CLI_CHECK_CHAIN_H

struct generation;
struct report;

/** `site` is the whole one. */
void check_chain_doubts(const struct generation *site, struct report *out);

#endif
