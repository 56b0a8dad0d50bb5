#include "core/loop/process_spawn.h"

#include "core/base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*  posix_spawn cannot set PR_SET_NO_NEW_PRIVS or a limit, so this is fork and exec. Between the two
 *  the child may only make system calls: another thread may have held any lock when it was
 *  copied. */

static const char *const ENVIRONMENT[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
	NULL,
};

struct pipes {
	int input[2];
	int output[2];
	int failure[2]; /**< carries errno when exec fails, closes by itself when it succeeds */
};

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
		pair[i] = -1;
	}
}

static int open_pipes(struct pipes *pipes, struct err_note *why)
{
	*pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	if (pipe2(pipes->input, O_CLOEXEC) == 0 && pipe2(pipes->output, O_CLOEXEC) == 0 &&
	    pipe2(pipes->failure, O_CLOEXEC) == 0)
		return 0;
	int number = errno;
	close_pair(pipes->input);
	close_pair(pipes->output);
	close_pair(pipes->failure);
	return err_errno(why, ERR_IO, number, "no pipes for a program");
}

/** In the child. Descriptors 0-2 are the pipes; everything else closes at exec. */
static int place_descriptors(const struct pipes *pipes)
{
	/* Should a pipe end itself be one of 0-2 (the daemon's were closed), dup2 would clobber it:
	 * move all three out of the way first. */
	int input = fcntl(pipes->input[0], F_DUPFD_CLOEXEC, 3);
	int output = fcntl(pipes->output[1], F_DUPFD_CLOEXEC, 3);

	if (input < 0 || output < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 ||
	    dup2(output, 2) < 0)
		return -1;
	return close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

static _Noreturn void run_child(const struct pipes *pipes, const char *const *argv)
{
	struct rlimit no_core = {0, 0};
	sigset_t none;
	int failure = fcntl(pipes->failure[1], F_DUPFD_CLOEXEC, 3);

	/* Ignored signals and the mask survive exec; handlers do not. */
	for (int number = 1; number < NSIG; number++) {
		if (number != SIGKILL && number != SIGSTOP)
			signal(number, SIG_DFL);
	}
	sigemptyset(&none);
	if (setpgid(0, 0) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
	    place_descriptors(pipes) == 0 && setrlimit(RLIMIT_CORE, &no_core) == 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && chdir("/") == 0)
		execve(argv[0], (char *const *)(uintptr_t)argv,
		       (char *const *)(uintptr_t)ENVIRONMENT);
	int number = errno;
	ssize_t written = write(failure, &number, sizeof(number));
	(void)written;
	_exit(127);
}

static int failure_of(const char *program, int number, struct err_note *why)
{
	int code = ERR_IO;

	if (number == ENOENT || number == ENOTDIR)
		code = ERR_NOT_FOUND;
	else if (number == EACCES || number == EPERM)
		code = ERR_DENIED;
	return err_errno(why, code, number, "program \"%s\" cannot be run", program);
}

int process_spawn(struct spawned *out, const char *const *argv, struct err_note *why)
{
	struct pipes pipes;
	sigset_t all;
	sigset_t before;
	int code = open_pipes(&pipes, why);
	if (code != 0)
		return code;

	/* No handler of ours may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		run_child(&pipes, argv);
	int number = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close_pair(pipes.input);
	close(pipes.output[1]);
	close(pipes.failure[1]);
	pipes.output[1] = pipes.failure[1] = -1;
	if (pid > 0) {
		/* The pipe closes at exec: a wait of about a millisecond that turns a bad path
		 * into an error of this call. */
		ssize_t length;
		do {
			length = read(pipes.failure[0], &number, sizeof(number));
		} while (length < 0 && errno == EINTR);
		if (length == 0) {
			close_pair(pipes.failure);
			fcntl(pipes.output[0], F_SETFL, O_NONBLOCK);
			*out = (struct spawned){pid, pipes.output[0]};
			return 0;
		}
		waitpid(pid, NULL, 0);
	}
	close_pair(pipes.output);
	close_pair(pipes.failure);
	return failure_of(argv[0], number, why);
}
