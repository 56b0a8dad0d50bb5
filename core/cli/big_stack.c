#include "core/cli/big_stack.h"

#include "core/cli/cli.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct call {
	int (*fn)(void *arg);
	void *arg;
	int result;
	sigset_t signals; /* as the caller had them */
};

static void *run(void *arg)
{
	struct call *call = arg;

	pthread_sigmask(SIG_SETMASK, &call->signals, NULL);
	call->result = call->fn(call->arg);
	return NULL;
}

int cli_on_big_stack(int (*fn)(void *arg), void *arg)
{
	struct call call = {.fn = fn, .arg = arg, .result = EXIT_FAILED};
	sigset_t all;
	pthread_attr_t attributes;
	pthread_t thread;
	int number = pthread_attr_init(&attributes);

	if (number == 0)
		number = pthread_attr_setstacksize(&attributes, BIG_STACK_BYTES);
	/* Handlers run on the new thread only: they use what it makes and frees. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &call.signals);
	if (number == 0)
		number = pthread_create(&thread, &attributes, run, &call);
	if (number == 0)
		pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, &call.signals, NULL);
	if (number != 0) {
		fprintf(stderr, "tocsin: no thread with a stack of %d MB for scripts: %s\n",
			BIG_STACK_BYTES / (1024 * 1024), strerror(number));
		return EXIT_FAILED;
	}
	pthread_attr_destroy(&attributes);
	return call.result;
}
