/* Preloaded into the daemon: it is killed (SIGKILL) at the KILL_AT-th write that holds records of a
 * plan's journal, as they go into the store's log: with KILL_WHEN=before they are lost, with
 * KILL_WHEN=after they are there, and nothing that follows from them has been done. What that write
 * held is left in the file KILL_FILE. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int seen_count;

/* Of the store's log alone: a table that is written from it has the records once more. */
static int is_log(int fd)
{
	char link[32], path[4096];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof(path));
	return fd > 2 && length > 4 && memcmp(path + length - 4, ".log", 4) == 0;
}

/* Journal records alone have a sequence and a type. */
static int holds_records(int fd, const void *bytes, size_t count)
{
	return is_log(fd) && memmem(bytes, count, "\"seq\":", 6) &&
	       memmem(bytes, count, "\"type\":\"", 8);
}

static ssize_t do_write(int fd, const void *bytes, size_t count)
{
	return syscall(SYS_write, fd, bytes, count);
}

static void leave(const void *bytes, size_t count)
{
	const char *path = getenv("KILL_FILE");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	if (fd >= 0)
		do_write(fd, bytes, count);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* The names that the C library gives its parameters are reserved.
 * NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
ssize_t write(int fd, const void *bytes, size_t count)
{
	const char *at = getenv("KILL_AT"), *when = getenv("KILL_WHEN");
	if (!at || !when || !holds_records(fd, bytes, count))
		return do_write(fd, bytes, count);
	pthread_mutex_lock(&lock);
	int is_here = ++seen_count == atoi(at);
	if (is_here && strcmp(when, "before") == 0)
		leave(bytes, count);
	ssize_t written = do_write(fd, bytes, count);
	if (is_here)
		leave(bytes, count);
	pthread_mutex_unlock(&lock);
	return written;
}
