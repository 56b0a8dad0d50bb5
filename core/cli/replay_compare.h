/** replay_compare.h - `tocsin replay --against NAME@V`: two versions over the same input. */
#ifndef TOCSIN_CORE_CLI_REPLAY_COMPARE_H
#define TOCSIN_CORE_CLI_REPLAY_COMPARE_H

#include <stdbool.h>

struct err_note;
struct replay;
struct replay_totals;
struct rule;

enum { REPLAY_COMPARE_ALERTS_MAX = 500000 };

/** Runs the replay with its one rule and then with the other, and prints how their alerts differ.
 *  ERR_UNSUPPORTED: standard input cannot be read twice; ERR_FULL: too many alerts. */
int replay_compare(const struct replay *replay, struct rule *other, bool is_json,
		   struct replay_totals *totals, struct err_note *why);

#endif
