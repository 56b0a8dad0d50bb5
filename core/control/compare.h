/** compare.h - the alerts of two versions of a rule over the same readings, side by side: for
 *  replays and for shadows, so that both show the same differences.
 *
 *  Alerts are joined to findings: a key, its state (firing or nodata), from when to when. Two
 *  findings of the same key and state whose times overlap are one finding that both versions made;
 *  what else they differ in (from, to, value, severity) is told.
 *
 *      alerts_a, alerts_b, same       how many
 *      only_a, only_b                 findings: key, dimension, state, from, to, value, severity
 *      different                      key, differs ([names]), a, b (findings)
 */
#ifndef TOCSIN_CORE_CONTROL_COMPARE_H
#define TOCSIN_CORE_CONTROL_COMPARE_H

#include <jansson.h>

/** Arrays of alert documents (keys = "en") in the order in which they were raised. New. */
json_t *compare_alerts(const json_t *a, const json_t *b);

#endif
