/** query_input.h - the inputs of a query: files, pipes and standard input ("-"), read in order.
 *  Owner: query_input_open() caller's memory, query_input_close().
 */
#ifndef TOCSIN_CORE_CLI_QUERY_INPUT_H
#define TOCSIN_CORE_CLI_QUERY_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env;
struct err_note;

struct query_input {
	const struct env *env;
	const char *path;
	int fd;
	bool is_regular;
	bool is_stdin;
	uint64_t size_bytes; /**< 0 when it is not regular */
	uint64_t read_bytes;
};

/** ERR_NOT_FOUND, ERR_IO. */
int query_input_open(struct query_input *input, const struct env *env, const char *path,
		     struct err_note *why);
void query_input_close(struct query_input *input);

/** Reads up to `length` bytes; *out_length 0 is the end. ERR_IO. */
int query_input_read(struct query_input *input, char *out, size_t length, size_t *out_length,
		     struct err_note *why);

#endif
