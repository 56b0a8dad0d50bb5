#include "core/loop/process.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/loop/process_spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024, REAP_WAIT_MS = 200 };

/*      running ──timeout──> told to stop (SIGTERM) ──PROCESS_KILL_AFTER_MS──> killed (SIGKILL)
 *         └─────────────────────────┴── exit seen on the pidfd ──────────────────┴──> on_done
 *
 *  The group is killed while the leader is still a zombie: only until it is reaped is its number,
 *  and so the group's, certainly its own. */
struct process {
	struct loop *loop;
	pid_t pid;
	int exit_fd;
	int output_fd;
	struct watch *exit_watch;
	struct watch *output_watch;
	struct timer *timer;
	struct bytes output;
	bool is_output_cut;
	bool has_timed_out;
	void (*on_done)(void *arg, const struct process_result *result);
	void *arg;
};

static void free_process(struct process *process)
{
	watch_free(process->exit_watch);
	watch_free(process->output_watch);
	timer_free(process->timer);
	close(process->exit_fd);
	close(process->output_fd);
	bytes_deinit(&process->output);
	mem_free(process);
}

/** Reads what is there. More than the limit is read too, and dropped: the program must not block.
 *  */
static void read_output(struct process *process)
{
	char buffer[READ_BYTES];
	ssize_t length;

	while ((length = read(process->output_fd, buffer, sizeof(buffer))) > 0) {
		size_t room = PROCESS_OUTPUT_BYTES_MAX - process->output.length;
		size_t kept = (size_t)length < room ? (size_t)length : room;
		bytes_append(&process->output, buffer, kept);
		if (kept < (size_t)length) {
			process->is_output_cut = true;
			return; /* a program that only writes must not keep the loop here */
		}
	}
	if (length == 0) {
		watch_free(process->output_watch);
		process->output_watch = NULL;
	}
}

static void on_output(void *arg, int what)
{
	(void)what;
	read_output(arg);
}

static void on_exit_seen(void *arg, int what)
{
	struct process *process = arg;
	siginfo_t info = {0};

	(void)what;
	kill(-process->pid, SIGKILL);
	if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
		return;
	read_output(process);
	struct process_result result = {
		.has_exited = info.si_code == CLD_EXITED,
		.exit_code = info.si_code == CLD_EXITED ? info.si_status : 0,
		.signal_number = info.si_code == CLD_EXITED ? 0 : info.si_status,
		.has_timed_out = process->has_timed_out,
		.is_output_cut = process->is_output_cut,
		.output = bytes_slice(&process->output),
	};
	void (*on_done)(void *arg_, const struct process_result *result_) = process->on_done;
	void *done_arg = process->arg;
	struct bytes output = process->output;
	process->output = BYTES_EMPTY;
	free_process(process);
	on_done(done_arg, &result);
	bytes_deinit(&output);
}

static void on_timeout(void *arg)
{
	struct process *process = arg;

	kill(-process->pid, process->has_timed_out ? SIGKILL : SIGTERM);
	if (!process->has_timed_out)
		timer_set(process->timer, PROCESS_KILL_AFTER_MS);
	process->has_timed_out = true;
}

/** Kills and reaps, waiting only a moment: a process stuck in the kernel stays a zombie. */
static void kill_and_reap(const struct process *process)
{
	struct pollfd exit_poll = {.fd = process->exit_fd, .events = POLLIN};
	siginfo_t info = {0};

	kill(-process->pid, SIGKILL);
	poll(&exit_poll, 1, REAP_WAIT_MS);
	if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
		log_warn(LOOP, "process %d did not end at SIGKILL", (int)process->pid);
}

int process_start(struct process **out, struct loop *loop, const char *const *argv,
		  int64_t timeout_ms,
		  void (*on_done)(void *arg, const struct process_result *result), void *arg,
		  struct err_note *why)
{
	struct spawned spawned;
	int code;

	if (!argv[0] || argv[0][0] != '/')
		return err_set(why, ERR_INVALID, "program \"%s\" is not an absolute path",
			       argv[0] ? argv[0] : "");
	if (timeout_ms <= 0)
		return err_set(why, ERR_INVALID, "program \"%s\" has no time limit", argv[0]);
	code = process_spawn(&spawned, argv, why);
	if (code != 0)
		return code;

	struct process *process = mem_alloc(sizeof(*process));
	process->loop = loop;
	process->pid = spawned.pid;
	process->output_fd = spawned.output_fd;
	process->on_done = on_done;
	process->arg = arg;
	process->timer = timer_new(loop, on_timeout, process);
	process->exit_fd = pidfd_open(spawned.pid, 0);
	code = process->exit_fd < 0 ? err_errno(why, ERR_IO, errno, "\"%s\": pidfd", argv[0]) : 0;
	if (code == 0)
		code = watch_new(&process->exit_watch, loop, process->exit_fd, WATCH_READ,
				 on_exit_seen, process, why);
	if (code == 0)
		code = watch_new(&process->output_watch, loop, process->output_fd, WATCH_READ,
				 on_output, process, why);
	if (code != 0) {
		kill_and_reap(process);
		free_process(process);
		return code;
	}
	timer_set(process->timer, timeout_ms);
	*out = process;
	return 0;
}

void process_cancel(struct process *process)
{
	if (!process)
		return;
	kill_and_reap(process);
	free_process(process);
}
