/** plan_params.h - values that a person or a chain gives to a run.
 *  A plan declares its params with their defaults; what is given must be declared, and of the same
 *  type as its default.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_PARAMS_H
#define TOCSIN_CORE_PLAN_PLAN_PARAMS_H

struct err_note;
struct plan;

enum { PLAN_PARAMS_BYTES_MAX = 64 * 1024 };

/** The declared params with `given_json` (an object; NULL: nothing) over them. Owned text.
 *  ERR_INVALID. */
int plan_params_merge(const struct plan *plan, const char *given_json, char **out,
		      struct err_note *why);

#endif
