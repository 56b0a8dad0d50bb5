/** rule_metric.h - which metric does a rule count on? One answer, for the engine and for whoever
 *  asks beforehand what an edit keeps (impact.h).
 */
#ifndef TOCSIN_CORE_RULE_RULE_METRIC_H
#define TOCSIN_CORE_RULE_RULE_METRIC_H

#include "core/rule/rule.h"
#include "core/window/metric.h"

/** Texts are borrowed from the rule and from this struct itself: it must stay where it is. */
struct rule_metric {
	struct metric_spec spec;                 /**< its filter is as written, not canonical */
	char identity[RULE_NAME_BYTES_MAX + 40]; /**< of the filter function */
};

void rule_metric_spec(const struct rule *rule, struct rule_metric *out);

/** The metric as the engine makes it: with the canonical filter. The result is owned.
 *  ERR_NOT_FOUND: `config` has not its source; ERR_INVALID: the filter does not fit the source. */
int rule_metric_make(const struct rule *rule, const struct config *config, struct metric **out,
		     struct err_note *why);

#endif
