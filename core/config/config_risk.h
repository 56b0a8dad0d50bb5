/** config_risk.h - what plans may do by themselves, by the risk that they declare.
 *  `risk = { high = "ask", medium = "tell", low = "run", to = { "ops" }, … }`
 */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_RISK_H
#define TOCSIN_CORE_CONFIG_CONFIG_RISK_H

#include <stdbool.h>
#include <stdint.h>

struct config;

enum risk_mode { RISK_RUN, RISK_TELL, RISK_ASK };
enum { CONFIG_RISK_TEXTS_MAX = 20 };

struct config_risk {
	enum risk_mode low, medium, high;
	const char **to; /**< outputs and people that are told */
	uint32_t to_count;
	const char **who; /**< may approve; none: anybody */
	uint32_t who_count;
	int64_t quorum, expires_ms;
	bool has_four_eyes;      /**< who started the run may not approve it */
	const char *preapproved; /**< priorities, "P1 P2", for plans that were drilled; or NULL */
	int64_t drilled_ms;      /**< not longer ago */
};

/** NULL: the site does not say, and every plan runs. */
const struct config_risk *config_risk(const struct config *config);

#endif
