/** rule_options.h - what may stand in a rule file of each type: for its check, and for whatever is
 *  generated from it (docs/reference.md, lua/meta/rule.lua).
 */
#ifndef TOCSIN_CORE_RULE_RULE_OPTIONS_H
#define TOCSIN_CORE_RULE_RULE_OPTIONS_H

#include "core/config/options.h"
#include "core/rule/rule.h"

enum { RULE_OPTIONS_MAX = 64 };

/** Options of a type, of all parts; ends with name NULL. */
void rule_options(enum rule_type type, struct option out[RULE_OPTIONS_MAX]);

#endif
