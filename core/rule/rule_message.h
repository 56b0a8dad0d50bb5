/** rule_message.h - the text of an alert: a template with names in braces.
 *
 *      message = "{merchantId}: {count} failed payments, {threshold} in {window}"
 *
 *  Names: the fields of the rule's dimension, then value, count, threshold, severity, state, rule,
 *  title, window; of a baseline rule baseline, baseline_time, band, references (each with its
 *  value, band, and where the value is). "{{" is a brace. What an alert has not is written as "-".
 *  Owner: the rule's arena. Limits: RULE_MESSAGE_PARTS_MAX, RULE_MESSAGE_BYTES_MAX of the template.
 */
#ifndef TOCSIN_CORE_RULE_RULE_MESSAGE_H
#define TOCSIN_CORE_RULE_RULE_MESSAGE_H

#include <stdint.h>

#include "core/base/bytes.h"

struct alert;
struct arena;
struct err_note;
struct rule_message;

enum { RULE_MESSAGE_PARTS_MAX = 64, RULE_MESSAGE_BYTES_MAX = 2000 };

/** ERR_INVALID: a name that is none (with those that are), or a brace that is not closed;
 *  ERR_RANGE: too long. */
int rule_message_parse(struct arena *arena, const char *text, const char *const *by,
		       uint32_t by_count, struct rule_message **out, struct err_note *why);
void rule_message_append(const struct rule_message *message, const struct alert *alert,
			 struct bytes *out);

#endif
