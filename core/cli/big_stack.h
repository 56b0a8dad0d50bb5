/** big_stack.h - runs a function on a thread with BIG_STACK_BYTES of stack, and waits for it.
 *
 *  Recursion through a script's gsub callback or coroutines takes up to 84 MB of C stack under the
 *  scripts' memory cap; on the usual 8 MB it would kill the process instead of ending as an error.
 */
#ifndef TOCSIN_CORE_CLI_BIG_STACK_H
#define TOCSIN_CORE_CLI_BIG_STACK_H

enum { BIG_STACK_BYTES = 256 * 1024 * 1024 };

/** What `fn` returned, or EXIT_FAILED when the thread could not be made (said on stderr). */
int cli_on_big_stack(int (*fn)(void *arg), void *arg);

#endif
