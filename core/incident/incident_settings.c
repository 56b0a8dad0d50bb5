#include "core/incident/incident_settings.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000 };

void incident_settings_default(struct incident_settings *out)
{
	static const uint8_t priorities[INCIDENT_LEVELS][INCIDENT_LEVELS] = {
		{1, 1, 2, 3}, {1, 2, 3, 4}, {2, 3, 4, 5}, {3, 4, 5, 5}};
	*out = (struct incident_settings){
		.reopen_window_ms = 10 * MINUTE_MS,
		.approve_within_ms = 60 * MINUTE_MS,
		.close_after_ms = INT64_C(7) * 24 * 60 * MINUTE_MS,
		.cool_down_ms = 30 * MINUTE_MS,
		.sibling_window_ms = 10 * MINUTE_MS,
		.merchants_for = {50, 10, 3},
	};
	memcpy(out->priorities, priorities, sizeof(priorities));
}
