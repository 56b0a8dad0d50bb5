/** mem.h - allocation that succeeds or ends the process. Sizes from outside are checked before. */
#ifndef TOCSIN_CORE_BASE_MEM_H
#define TOCSIN_CORE_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t length);                         /**< zeroed; owned, free with mem_free */
void *mem_alloc_array(size_t count, size_t length);     /**< zeroed; overflow is fatal */
void *mem_grow(void *old, size_t count, size_t length); /**< realloc of an array, not zeroed */
char *mem_copy_text(const char *text);                  /**< NULL gives NULL */
char *mem_copy_bytes(const void *data, size_t length);  /**< adds a NUL */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *memory); /**< NULL allowed */

#endif
