/** rule_history.h - what a rule that is compared with its past keeps of it, and who may use that.
 *
 *  Rows are of use to whatever measures the same and keeps the same kinds of rows: a version takes
 *  over those of the one before when both have the same definition.
 */
#ifndef TOCSIN_CORE_RULE_RULE_HISTORY_H
#define TOCSIN_CORE_RULE_RULE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/baseline/baseline.h"

struct metric;
struct rule;

/** It has a baseline or a trend. */
bool rule_has_history(const struct rule *rule);
/** Of the baseline, or those of every trend. Of a rule with history only, as all below. */
const struct reference *rule_references(const struct rule *rule, uint32_t *count);
bool rule_has_reference(const struct rule *rule, enum reference_kind kind);
/** Days before today that its references look at. */
uint32_t rule_history_days(const struct rule *rule);
uint64_t rule_history_definition(const struct rule *rule, const struct metric *metric,
				 const char *timezone);

#endif
