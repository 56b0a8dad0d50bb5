/** rule_internal.h - what the parts of rule_new() share: one reading of one rule file. */
#ifndef TOCSIN_CORE_RULE_RULE_INTERNAL_H
#define TOCSIN_CORE_RULE_RULE_INTERNAL_H

#include "core/rule/rule.h"

struct config_source;
struct option;

struct rule_builder {
	struct rule *rule;
	const struct tree *tree;
	const struct config *config;
	const struct config_source *source; /**< NULL until it is known */
	struct report *report;
};

/** Options of a type; ends with name NULL. */
const struct option *rule_options(enum rule_type type);

/** Reports at the line of the entry `name`, or of the whole table when it is absent. */
void rule_fault(const struct rule_builder *builder, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Fields, dimension and statistic against the source's schema; the filter is compiled once. */
void rule_read_fields(struct rule_builder *builder);

#endif
