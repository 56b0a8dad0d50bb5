#include "core/app/app_internal.h"

#include "core/app/app.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/rule/rule_runner.h"
#include "core/rule/versions.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 *  The page is shared memory of a file: what was written before the process died is still there
 *  afterwards, without a system call per script call.
 */
static struct script_marker *crash_marker; /* a signal handler has no other way to it */

static void on_fatal_signal(int number)
{
	if (crash_marker != NULL)
		crash_marker->has_crashed = 1;
	signal(number, SIG_DFL);
	raise(number);
}

/** On a stack of its own, unless there is one: the crash may be an overflow of the normal one. */
static void catch_fatal_signals(void)
{
	static char stack[65536];
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)}, present;
	struct sigaction action = {.sa_handler = on_fatal_signal, .sa_flags = SA_ONSTACK};
	if (sigaltstack(NULL, &present) == 0 && (present.ss_flags & SS_DISABLE) != 0)
		sigaltstack(&alternative, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

enum { MARKER_KILLS_MAX = 3 };

static bool was_killed_there_before(const struct script_marker *marker)
{
	return marker->killed_count > 0 && marker->version == marker->killed_version &&
	       marker->place == marker->killed_place &&
	       memcmp(marker->rule, marker->killed_rule, sizeof(marker->rule)) == 0;
}

/** A crash inside a script is proof; a kill from outside may be chance, so it takes three in the
 *  very same call: while a backlog is read, some filter function runs at every other moment. */
static void marker_judge(struct app *app)
{
	struct script_marker *marker = app->marker, next = {0};
	size_t length = strnlen(marker->rule, sizeof(marker->rule) - 1);
	memset(marker->rule + length, 0, sizeof(marker->rule) - length);
	uint32_t killed_count = was_killed_there_before(marker) ? marker->killed_count + 1 : 1;
	if (marker->rule[0] != '\0' && (marker->has_crashed || killed_count >= MARKER_KILLS_MAX)) {
		log_error(RULE, "%s@%u was running when the daemon died: quarantined", marker->rule,
			  marker->version);
		versions_quarantine(app->rule_versions, marker->rule, marker->version,
				    "the daemon died while it ran", loop_wall_ms(app->loop));
		app_shadow_died(app, marker->rule);
	} else if (marker->rule[0] != '\0') {
		next.killed_count = killed_count;
		next.killed_version = marker->version;
		next.killed_place = marker->place;
		memcpy(next.killed_rule, marker->rule, sizeof(next.killed_rule));
	}
	*marker = next;
}

int app_marker_open(struct app *app, struct err_note *why)
{
	char *path = mem_format("%s/running-script", app->options->state_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	int code = 0;
	if (fd < 0 || ftruncate(fd, sizeof(struct script_marker)) != 0) {
		code = err_errno(why, ERR_IO, errno, "cannot open %s", path);
	} else {
		void *page = mmap(NULL, sizeof(struct script_marker), PROT_READ | PROT_WRITE,
				  MAP_SHARED, fd, 0);
		if (page == MAP_FAILED)
			code = err_errno(why, ERR_IO, errno, "cannot map %s", path);
		else
			app->marker = page;
	}
	if (fd >= 0)
		close(fd);
	mem_free(path);
	if (code != 0)
		return code;
	marker_judge(app);
	crash_marker = app->marker;
	catch_fatal_signals();
	return 0;
}

void app_marker_close(struct app *app)
{
	crash_marker = NULL;
	if (app->marker != NULL)
		munmap(app->marker, sizeof(*app->marker));
	app->marker = NULL;
}
