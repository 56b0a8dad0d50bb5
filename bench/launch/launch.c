/* tocsin-launch REPORT COMMAND [ARGUMENT...]
 * Runs a command and writes what the operating system says it cost:
 *   user seconds, system seconds, wall seconds, peak resident KiB, exit code (128 + signal)
 * A program of its own and not the Python driver: a child's peak memory begins with that of the
 * process that started it. SIGTERM and SIGINT go to the command; it never outlives the launcher. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t command_pid;

static void on_signal(int number)
{
	if (command_pid > 0)
		kill((pid_t)command_pid, number);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void become(char **command, const sigset_t *signals)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_UNBLOCK, signals, NULL);
	execvp(command[0], command);
	perror(command[0]);
	_exit(127);
}

static int report(const char *path, const struct rusage *usage, double wall, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	FILE *out = fopen(path, "we");

	if (!out) {
		perror(path);
		return 1;
	}
	fprintf(out, "%.6f %.6f %.6f %ld %d\n", seconds_of(&usage->ru_utime),
		seconds_of(&usage->ru_stime), wall, usage->ru_maxrss, code);
	return fclose(out) ? 1 : 0;
}

int main(int count, char **arguments)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct rusage usage;
	sigset_t signals;
	int status;

	if (count < 3) {
		fprintf(stderr, "usage: tocsin-launch REPORT COMMAND [ARGUMENT...]\n");
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	double start = seconds_now();
	pid_t pid = fork();
	if (pid < 0) {
		perror("fork");
		return 1;
	}
	if (pid == 0)
		become(arguments + 2, &signals);
	command_pid = pid;
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return 1;
	return report(arguments[1], &usage, seconds_now() - start, status);
}
