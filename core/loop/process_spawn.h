/** process_spawn.h - the fork and exec under process.h. */
#ifndef TOCSIN_CORE_LOOP_PROCESS_SPAWN_H
#define TOCSIN_CORE_LOOP_PROCESS_SPAWN_H

#include <sys/types.h>

struct err_note;

struct spawned {
	pid_t pid;
	int output_fd; /**< stdout and stderr, non-blocking; owned by the caller */
};

/** Returns when the program runs (exec succeeded) or with the reason why not: ERR_NOT_FOUND,
 *  ERR_DENIED, ERR_IO. */
int process_spawn(struct spawned *out, const char *const *argv, struct err_note *why);

#endif
