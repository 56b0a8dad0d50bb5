/** config_paging.h - `caps` of the site: how many pages a person and an output may have.
 *
 *      caps = {
 *        person = { voice = { { 1, "1m" }, { 20, "1d" } } },   -- one person by that output
 *        output = { voice = { { 500, "1d" } } },               -- everybody by that output
 *        reserve = 5, bundle = "30s",
 *      }
 *
 *  Part of struct config. What they mean: core/paging/paging.h.
 */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_PAGING_H
#define TOCSIN_CORE_CONFIG_CONFIG_PAGING_H

#include <stdint.h>

#include "core/channel/rate.h"

enum { CONFIG_CAP_COUNT_MAX = 1000 };

struct config_caps {
	struct rate rates[RATES_MAX];
	uint32_t count; /**< 0: no cap */
};

struct config_paging {
	struct config_caps *person; /**< of one person, by the index of the output */
	struct config_caps *output; /**< of everybody, by the index of the output */
	uint32_t reserve;           /**< of the longest span: only for P1 and P2 */
	int64_t bundle_ms;          /**< pages of a person so soon after another are one message */
};

#endif
