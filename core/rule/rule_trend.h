/** rule_trend.h - the trend that a rule looks for, in place of a threshold. */
#ifndef TOCSIN_CORE_RULE_RULE_TREND_H
#define TOCSIN_CORE_RULE_RULE_TREND_H

#include "core/trend/trend.h"

struct rule_trend {
	const char *name; /**< "sudden_drop" … */
	struct trend_spec spec;
};

#endif
