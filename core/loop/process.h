/** process.h - runs an allow-listed program: argv array, no shell, empty environment (PATH, LANG
 *  only), new process group, PR_SET_NO_NEW_PRIVS, deadline (SIGTERM, then SIGKILL to the group),
 *  output cut at 64 KiB, input empty, working directory "/". When the program ends, what it left
 *  running in its group is killed: nothing outlives its result.
 *  The allow-list is checked by the caller (core/plan/action_exec.c); this is mechanism.
 */
#ifndef TOCSIN_CORE_LOOP_PROCESS_H
#define TOCSIN_CORE_LOOP_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct loop;
struct process;

enum { PROCESS_OUTPUT_BYTES_MAX = 64 * 1024, PROCESS_KILL_AFTER_MS = 2000 };

struct process_result {
	bool has_exited; /**< else killed by signal_number */
	int exit_code;
	int signal_number;
	bool has_timed_out;
	bool is_output_cut;
	struct slice output; /**< stdout and stderr together; borrowed for the call */
};

/** argv[0] is an absolute path; NULL-terminated. ERR_INVALID, ERR_NOT_FOUND, ERR_IO. */
int process_start(struct process **out, struct loop *loop, const char *const *argv,
		  int64_t timeout_ms,
		  void (*on_done)(void *arg, const struct process_result *result), void *arg,
		  struct err_note *why);
void process_cancel(struct process *process); /**< kills the group; no on_done */

#endif
