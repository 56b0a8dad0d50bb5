#include <criterion/criterion.h>

#include "core/loop/process.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "tests/support/run_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct outcome {
	bool is_done;
	struct process_result result;
	char *text;
};

static void on_done(void *arg, const struct process_result *result)
{
	struct outcome *outcome = arg;
	outcome->result = *result;
	outcome->text = mem_copy_bytes(result->output.data ? result->output.data : "",
				       result->output.length);
	outcome->is_done = true;
}

static struct outcome run_shell(const char *script, int64_t timeout_ms)
{
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	struct outcome outcome = {0};
	struct process *process = NULL;
	struct err_note why = {0};
	struct loop *loop = run_loop_new();

	cr_assert_eq(process_start(&process, loop, argv, timeout_ms, on_done, &outcome, &why), 0,
		     "%s", why.text);
	cr_assert(run_loop_until(loop, run_loop_flag, &outcome.is_done));
	loop_free(loop);
	return outcome;
}

Test(process, gives_exit_code_and_both_outputs)
{
	struct outcome outcome = run_shell("echo out; echo err >&2; exit 3", 5000);

	cr_expect(outcome.result.has_exited);
	cr_expect_eq(outcome.result.exit_code, 3);
	cr_expect_not(outcome.result.has_timed_out);
	cr_expect_str_eq(outcome.text, "out\nerr\n");
	mem_free(outcome.text);
}

Test(process, has_a_bare_environment_no_input_and_no_descriptors)
{
	setenv("SECRET", "canary", 1);
	int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec on purpose */
	struct outcome outcome =
		run_shell("echo \"$SECRET|$LANG\"; cat; ls /proc/self/fd | wc -l; pwd;"
			  "grep NoNewPrivs /proc/self/status | tr -d '\\t'; ulimit -c",
			  5000);

	/* ls itself holds the directory open: 0, 1, 2 and that one. */
	cr_expect_str_eq(outcome.text, "|C.UTF-8\n4\n/\nNoNewPrivs:1\n0\n");
	close(leaked);
	mem_free(outcome.text);
}

Test(process, output_is_cut_at_the_limit)
{
	struct outcome outcome = run_shell("head -c 65536 /dev/zero | tr '\\0' x", 5000);
	cr_expect_eq(outcome.result.output.length, PROCESS_OUTPUT_BYTES_MAX);
	cr_expect_not(outcome.result.is_output_cut);
	mem_free(outcome.text);

	outcome = run_shell("head -c 300000 /dev/zero | tr '\\0' x; exit 7", 5000);
	cr_expect_eq(outcome.result.output.length, PROCESS_OUTPUT_BYTES_MAX);
	cr_expect(outcome.result.is_output_cut);
	cr_expect_eq(outcome.result.exit_code, 7);
	mem_free(outcome.text);
}

/** The process is gone, or a zombie that init has not reaped yet. */
static bool is_ended(void *arg)
{
	char path[64];
	char state = 'X';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)*(pid_t *)arg);
	FILE *stat = fopen(path, "r");
	if (!stat)
		return true;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(stat);
	return state == 'Z' || state == 'X';
}

Test(process, a_time_out_ends_the_program_and_its_children, .timeout = 20)
{
	struct outcome outcome = run_shell("sleep 100 & echo $!; wait", 200);

	cr_expect(outcome.result.has_timed_out);
	cr_expect_not(outcome.result.has_exited);
	cr_expect_eq(outcome.result.signal_number, SIGTERM);
	pid_t grandchild = (pid_t)atoi(outcome.text);
	cr_assert_gt(grandchild, 1);
	struct loop *loop = run_loop_new();
	cr_expect(run_loop_until(loop, is_ended, &grandchild));
	loop_free(loop);
	mem_free(outcome.text);
}

Test(process, an_inherited_ignored_sigchld_does_not_hide_the_end, .timeout = 20)
{
	signal(SIGCHLD, SIG_IGN);
	struct outcome outcome = run_shell("echo out; exit 3", 5000);

	cr_expect(outcome.result.has_exited);
	cr_expect_eq(outcome.result.exit_code, 3);
	cr_expect_str_eq(outcome.text, "out\n");
	mem_free(outcome.text);
}

Test(process, a_program_deaf_to_sigterm_is_killed, .timeout = 20)
{
	struct outcome outcome = run_shell("trap '' TERM; while :; do sleep 1; done", 100);

	cr_expect(outcome.result.has_timed_out);
	cr_expect_eq(outcome.result.signal_number, SIGKILL);
	mem_free(outcome.text);
}

Test(process, what_it_leaves_behind_does_not_delay_the_result)
{
	struct outcome outcome = run_shell("sleep 100 & exit 0", 8000);

	cr_expect(outcome.result.has_exited);
	cr_expect_not(outcome.result.has_timed_out);
	mem_free(outcome.text);
}

Test(process, bad_programs_are_refused_with_the_reason)
{
	struct loop *loop = run_loop_new();
	struct process *process = NULL;
	struct err_note why = {0};

	const char *relative[] = {"true", NULL};
	cr_expect_eq(process_start(&process, loop, relative, 1000, on_done, NULL, &why),
		     ERR_INVALID);
	const char *absent[] = {"/no/such/program", NULL};
	cr_expect_eq(process_start(&process, loop, absent, 1000, on_done, NULL, &why),
		     ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "/no/such/program"));
	const char *data[] = {"/etc/passwd", NULL};
	cr_expect_eq(process_start(&process, loop, data, 1000, on_done, NULL, &why), ERR_DENIED);
	const char *good[] = {"/bin/true", NULL};
	cr_expect_eq(process_start(&process, loop, good, 0, on_done, NULL, &why), ERR_INVALID);
	loop_free(loop);
}

Test(process, cancel_kills_and_says_nothing)
{
	struct loop *loop = run_loop_new();
	struct process *process = NULL;
	struct outcome outcome = {0};
	const char *argv[] = {"/bin/sleep", "100", NULL};

	cr_assert_eq(process_start(&process, loop, argv, 1000, on_done, &outcome, NULL), 0);
	process_cancel(process);
	cr_expect_not(run_loop_for(loop, 5, run_loop_flag, &outcome.is_done));
	loop_free(loop);
}
