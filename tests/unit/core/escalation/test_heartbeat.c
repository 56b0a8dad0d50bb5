#include "core/escalation/heartbeat.h"

#include "core/config/config_chains.h"
#include "core/loop/loop.h"

#include <criterion/criterion.h>

/* Without a client: what is not alive sends nothing, so none is needed. What is sent is told by
 * tests/integration/escalation. */
static bool is_dead(void *arg)
{
	int *asked = arg;

	(*asked)++;
	return false;
}

Test(heartbeat, what_is_not_alive_is_silent)
{
	static const struct config_heartbeat minute = {"http://127.0.0.1:1/", 60000, 1000};
	static const struct config_heartbeat hour = {"http://127.0.0.1:1/", 3600000, 1000};
	struct loop *loop = loop_virtual_new(0);
	int asked = 0;
	struct heartbeat *heartbeat = heartbeat_new(loop, NULL, is_dead, &asked);
	struct heartbeat_usage usage;

	loop_virtual_advance(loop, 600000);
	heartbeat_usage(heartbeat, &usage);
	cr_expect_not(usage.is_configured);
	heartbeat_configure(heartbeat, &minute);
	loop_virtual_advance(loop, 59999);
	cr_expect_eq(asked, 0);
	heartbeat_configure(heartbeat, &minute); /* a reload does not put it off */
	loop_virtual_advance(loop, 1);
	cr_expect_eq(asked, 1);
	loop_virtual_advance(loop, 600000);
	heartbeat_usage(heartbeat, &usage);
	cr_expect_eq(usage.withheld, 11);
	cr_expect_eq(usage.sent + usage.failed, 0);
	heartbeat_configure(heartbeat, &hour);
	loop_virtual_advance(loop, 3599999);
	cr_expect_eq(asked, 11);
	heartbeat_configure(heartbeat, NULL);
	loop_virtual_advance(loop, 7200000);
	cr_expect_eq(asked, 11);
	heartbeat_free(heartbeat);
	loop_free(loop);
}
