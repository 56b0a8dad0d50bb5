/** source_stdin.h - lines from a stream descriptor (standard input): one partition without
 *  positions.
 *
 *  A pipe or terminal is waited for; a regular file (tocsin run < FILE) or /dev/null is read in
 *  turns. The last line needs no end. Nothing is read while the readers are busy or the source is
 *  paused.
 *  Owner: source_stdin_new() result owned; the descriptor stays the caller's.
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_STDIN_H
#define TOCSIN_CORE_INGEST_SOURCE_STDIN_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct intake;
struct loop;
struct pool;
struct source_stdin;

struct source_stdin_options {
	const char *source; /**< for messages */
	int fd;             /**< 0 */
	struct pool *pool;
	uint32_t partition; /**< without positions; the owner opens and closes it */
	/** engine_intake(): borrowed; NULL: the source is gone, nothing is read. */
	struct intake *(*intake)(void *arg);
	/** The stream is over and the readers have taken all of it (not: have finished). May be
	 * NULL. */
	void (*on_end)(void *arg);
	void *arg;
};

/** ERR_IO. */
int source_stdin_new(struct source_stdin **out, struct loop *loop,
		     const struct source_stdin_options *options, struct err_note *why);
void source_stdin_free(struct source_stdin *input);

void source_stdin_on_room(struct source_stdin *input);
void source_stdin_pause(struct source_stdin *input, bool is_paused);

#endif
