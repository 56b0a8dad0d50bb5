/* Runs the registered tests one after the other, each in a child of its own; see criterion.h here.
 * usage: unit_x [--filter SUITE/TEST]     a shell pattern; Criterion's other options are ignored */
#include "tests/support/plain_criterion/criterion/criterion.h"
#include "tests/support/plain_criterion/criterion/redirect.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sanitizer makes a test 5 to 15 times slower, and the time-outs are written without it. */
enum { TIMEOUT_FACTOR = 10, TIMEOUT_DEFAULT_S = 60, EXIT_FAILED = 99 };

static struct plain_test *first_test, **last_test = &first_test;
static struct plain_suite *first_suite;

/* In the child only. */
static const struct plain_options *running_suite;
static const struct plain_test *running;
static bool has_failed;
static int report = STDERR_FILENO; /* where claims that fail are told */
static FILE *redirected;

void plain_add_test(struct plain_test *test)
{
	*last_test = test;
	last_test = &test->next;
}

void plain_add_suite(struct plain_suite *suite)
{
	suite->next = first_suite;
	first_suite = suite;
}

void plain_fail(const char *file, int line, const char *claim, const char *format, ...)
{
	va_list arguments;

	has_failed = true;
	dprintf(report, "%s:%d: %s/%s: it does not hold that %s", file, line, running->suite,
		running->name, claim);
	va_start(arguments, format);
	vdprintf(report, format, arguments);
	va_end(arguments);
	dprintf(report, "\n");
}

void cr_redirect_stderr(void)
{
	int ends[2];

	fflush(stderr);
	report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (report < 0 || pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
		exit(EXIT_FAILED);
	close(ends[1]);
	redirected = fdopen(ends[0], "r");
}

FILE *cr_get_redirected_stderr(void)
{
	return redirected;
}

static void call(void (*function)(void))
{
	if (function != NULL)
		function();
}

static void finish(void)
{
	call(running->options.fini);
	call(running_suite->fini);
}

void plain_stop(void)
{
	finish();
	exit(EXIT_FAILED);
}

static const struct plain_options *suite_options(const char *name)
{
	static const struct plain_options none;

	for (const struct plain_suite *suite = first_suite; suite != NULL; suite = suite->next)
		if (strcmp(suite->name, name) == 0)
			return &suite->options;
	return &none;
}

_Noreturn static void run_child(const struct plain_test *test)
{
	running = test;
	running_suite = suite_options(test->suite);
	call(running_suite->init);
	call(test->options.init);
	test->run();
	finish();
	exit(has_failed ? EXIT_FAILED : 0);
}

/** The status of wait(), after a kill when the time is over. */
static int wait_for(pid_t child, double timeout_s)
{
	int status = 0;
	int descriptor = pidfd_open(child, 0);
	struct pollfd poll_for = {.fd = descriptor, .events = POLLIN};

	while (descriptor >= 0 && poll(&poll_for, 1, (int)(timeout_s * 1000)) < 0 && errno == EINTR)
		;
	if ((poll_for.revents & POLLIN) == 0) {
		fprintf(stderr, "no end within %g s\n", timeout_s);
		kill(child, SIGKILL);
	}
	close(descriptor);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

enum outcome { OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_CRASHED };

static enum outcome run_test(const struct plain_test *test)
{
	double timeout_s = test->options.timeout;

	if (timeout_s <= 0)
		timeout_s = suite_options(test->suite)->timeout;
	if (timeout_s <= 0)
		timeout_s = TIMEOUT_DEFAULT_S;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		run_child(test);
	int status = child > 0 ? wait_for(child, timeout_s * TIMEOUT_FACTOR) : -1;
	if (child > 0 && WIFSIGNALED(status)) {
		if (WTERMSIG(status) == test->options.signal)
			return OUTCOME_PASSED;
		fprintf(stderr, "%s/%s: ended by signal %d\n", test->suite, test->name,
			WTERMSIG(status));
		return OUTCOME_CRASHED;
	}
	if (child > 0 && test->options.signal == 0 &&
	    WEXITSTATUS(status) == test->options.exit_code)
		return OUTCOME_PASSED;
	fprintf(stderr, "%s/%s: failed, exit status %d\n", test->suite, test->name,
		WEXITSTATUS(status));
	return OUTCOME_FAILED;
}

static bool is_wanted(const struct plain_test *test, const char *filter)
{
	char name[512];

	snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
	return filter == NULL || fnmatch(filter, name, 0) == 0;
}

int main(int count, char **arguments)
{
	const char *filter = NULL;
	int counts[3] = {0};

	for (int i = 1; i < count; i++) {
		if (strncmp(arguments[i], "--filter=", 9) == 0)
			filter = arguments[i] + 9;
		else if (strcmp(arguments[i], "--filter") == 0 && i + 1 < count)
			filter = arguments[++i];
	}
	for (const struct plain_test *test = first_test; test != NULL; test = test->next)
		if (is_wanted(test, filter))
			counts[run_test(test)]++;
	int bad = counts[OUTCOME_FAILED] + counts[OUTCOME_CRASHED];
	fprintf(stderr,
		"[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d \n",
		counts[OUTCOME_PASSED] + bad, counts[OUTCOME_PASSED], bad, counts[OUTCOME_CRASHED]);
	return bad > 0;
}
