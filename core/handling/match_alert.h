/** match_alert.h - a match (core/config/match.h) held against an alert.
 *  A subject is one alert made ready for several matches: it borrows the alert and the
 *  configuration until match_subject_deinit().
 *  A property that the alert does not have matches nothing. Threads: one at a time.
 */
#ifndef TOCSIN_CORE_HANDLING_MATCH_ALERT_H
#define TOCSIN_CORE_HANDLING_MATCH_ALERT_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/bytes.h"
#include "core/config/match.h"
#include "core/model/dimension.h"
#include "core/model/value.h"

struct alert;
struct config;
struct regex_matcher;

struct match_subject {
	const struct alert *alert;
	const struct config *config; /**< categories; NULL: none */
	struct regex_matcher *matcher;
	json_t *labels; /**< parsed when the first label is asked for */
	struct value values[DIMENSION_FIELDS_MAX];
	int value_count;
	struct bytes text; /**< of the field that was asked for last */
};

void match_subject_init(struct match_subject *subject, const struct alert *alert,
			const struct config *config, struct regex_matcher *matcher);
void match_subject_deinit(struct match_subject *subject);

/** The value of a property, or NULL; borrowed until the next call. */
const char *match_subject_text(struct match_subject *subject, const struct match_field *field);

/** All matchers hold. */
bool match_holds(const struct match *match, struct match_subject *subject);

#endif
