/** rule_internal.h - what the parts of rule_new() share: one reading of one rule file. */
#ifndef TOCSIN_CORE_RULE_RULE_INTERNAL_H
#define TOCSIN_CORE_RULE_RULE_INTERNAL_H

#include "core/config/options.h"
#include "core/rule/rule.h"
#include "core/rule/rule_options.h"

struct config_source;
struct lookup;

struct rule_builder {
	struct rule *rule;
	const struct tree *tree;
	const struct config *config;
	const struct config_source *source; /**< NULL until it is known */
	struct report *report;
};

/** An option, and the types that have it. */
struct rule_row {
	uint32_t types; /**< RULE_BIT() of each */
	struct option option;
};
#define RULE_BIT(type) (1u << RULE_##type)
#define RULE_BITS_ALL                                                                              \
	(RULE_BIT(COUNT) | RULE_BIT(FIELD) | RULE_BIT(CONTINUOUS) | RULE_BIT(GROUP) |              \
	 RULE_BIT(SCRIPT) | RULE_BIT(BASELINE))
/** Types that compare a statistic of a window with a number. */
#define RULE_BITS_THRESHOLD                                                                        \
	(RULE_BIT(COUNT) | RULE_BIT(FIELD) | RULE_BIT(CONTINUOUS) | RULE_BIT(GROUP))

/** A group of options, read by a file of its own: rule_read_<name>.c has `rule_part_<name>`. They
 *  are read in this order, behind source, window and fields. */
struct rule_part {
	const struct rule_row *rows; /**< ends with name NULL */
	void (*read)(struct rule_builder *builder);
	void (*free)(struct rule *rule); /**< what is not in the arena; NULL: nothing */
};
#define RULE_PART_LIST(X)                                                                          \
	X(judge) X(lookup) X(life) X(script) X(baseline) X(early) X(late) X(samples)
#define RULE_PART_EXTERN(name) extern const struct rule_part rule_part_##name;
RULE_PART_LIST(RULE_PART_EXTERN)
#undef RULE_PART_EXTERN

extern const struct option rule_expression_rows[]; /**< of `all` and `any` */
extern const struct option rule_level_rows[];      /**< of each severity */
extern const struct option rule_incident_rows[];
void rule_read_parts(struct rule_builder *builder);
void rule_free_parts(struct rule *rule);

/** A table within the rule, against its rows; `name` is its option. False: faults are reported. */
bool rule_check_table(const struct rule_builder *builder, const struct tree *table,
		      const struct option *rows, const char *name);

/** Reports at the line of the entry `name`, or of the whole table when it is absent. */
void rule_fault(const struct rule_builder *builder, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Reports at a line of the rule's file. */
void rule_fault_at(const struct rule_builder *builder, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Fields, dimension and statistic against the source's schema; the filter is compiled once. */
void rule_read_fields(struct rule_builder *builder);
/** True when rules may use the name; otherwise the fault is reported at `line`. */
bool rule_check_field(const struct rule_builder *builder, const char *option, const char *name,
		      int line);

/* rule_read_statistic.c */
void rule_read_statistic(const struct rule_builder *builder);
/** A statistic's name; `what` has it ("rule.field"). `is_counted`: count and rate are allowed.
 *  False: the fault is reported. */
bool rule_parse_statistic(const struct rule_builder *builder, const struct tree *text,
			  const char *what, bool is_counted, struct measure *out);
/** The measure is computed of the field, which must fit and gets its place in `values`. False: the
 *  fault is reported. `field` is in the rule's arena. */
bool rule_add_measure(const struct rule_builder *builder, struct measure *measure,
		      const char *field, int line);

/* rule_read_judge.c */
/** One comparison and no other option: it is judged by the short way. All parts are read. */
bool rule_is_plain(const struct rule *rule);

/* rule_read_expect.c */
void rule_read_expect(const struct rule_builder *builder);

/* rule_read_lookup.c */
/** `lookup` and `column` of a table; `otherwise` names the column when it is not given. NULL: the
 *  fault is reported. */
const struct lookup *rule_read_column(const struct rule_builder *builder, const struct tree *table,
				      const char *option, const char *otherwise, uint32_t *column);

/* rule_read_condition.c */
/** `threshold`, `all`, `any` or `severities` of the rule, `clear`, `hold`, …: its levels. */
void rule_read_levels(struct rule_builder *builder);

#endif
