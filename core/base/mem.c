#include "core/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/require.h"

_Noreturn static void die(size_t count, size_t length)
{
	fprintf(stderr, "out of memory: %zu x %zu bytes\n", count, length);
	abort();
}

static void *memory_or_die(void *memory, size_t count, size_t length)
{
	if (memory == NULL)
		die(count, length);
	return memory;
}

void *mem_alloc(size_t length)
{
	return mem_alloc_array(1, length);
}

void *mem_alloc_array(size_t count, size_t length)
{
	/* A size of 0 still gives an address of its own, so NULL never means success. */
	if (count == 0 || length == 0)
		return memory_or_die(calloc(1, 1), 1, 1);
	if (count > PTRDIFF_MAX / length)
		die(count, length);
	return memory_or_die(calloc(count, length), count, length);
}

void *mem_grow(void *old, size_t count, size_t length)
{
	REQUIRE(count > 0 && length > 0);
	if (count > PTRDIFF_MAX / length)
		die(count, length);
	return memory_or_die(reallocarray(old, count, length), count, length);
}

char *mem_copy_text(const char *text)
{
	return text == NULL ? NULL : mem_copy_bytes(text, strlen(text));
}

char *mem_copy_bytes(const void *data, size_t length)
{
	char *copy = memory_or_die(malloc(length + 1), 1, length + 1);

	if (length > 0)
		memcpy(copy, data, length);
	copy[length] = '\0';
	return copy;
}

char *mem_format(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	return memory_or_die(length < 0 ? NULL : text, 1, 0);
}

void mem_free(void *memory)
{
	free(memory);
}
