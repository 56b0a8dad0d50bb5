#include "core/config/config_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

/** Without links and ".."; what is not there yet stays as it is written. NULL: no such place. */
static char *resolve(const char *path)
{
	char *real = realpath(path, NULL), *folder, *result;
	const char *slash = strrchr(path, '/');

	if (real != NULL) {
		result = mem_copy_text(real);
		free(real);
		return result;
	}
	if (slash == NULL || slash == path)
		return slash == NULL ? mem_format("./%s", path) : mem_copy_text(path);
	folder = mem_copy_bytes(path, (size_t)(slash - path));
	real = resolve(folder);
	result = mem_format("%s/%s", real, slash + 1);
	mem_free(folder);
	mem_free(real);
	return result;
}

/** The part of the path after the folder, or NULL: it is not in it. */
static const char *path_within(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

int config_check_state(const struct config *config, const char *state_dir, struct err_note *why)
{
	char *state = resolve(state_dir);
	int code = 0;

	for (uint32_t i = 0; code == 0 && i < config->output_count; i++) {
		const struct config_output *output = &config->outputs[i];
		char *path, *real;
		const char *rest;

		if (output->kind != OUTPUT_FILE)
			continue;
		path = output->text[0] == '/' ? mem_copy_text(output->text)
					      : mem_format("%s/%s", state_dir, output->text);
		real = resolve(path);
		rest = path_within(real, state);
		if (rest != NULL && config_is_own_file(rest))
			code = err_set(
				why, ERR_INVALID,
				"\"file\" of output %s leads to %.200s, which Tocsin keeps in "
				"its state directory: an output must not write there; "
				"example: file = \"alerts.jsonl\"",
				output->name, real);
		mem_free(path);
		mem_free(real);
	}
	mem_free(state);
	return code;
}
