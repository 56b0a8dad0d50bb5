/** compare_print.h - the document of core/control/compare.h for people. */
#ifndef TOCSIN_CORE_CLI_COMPARE_PRINT_H
#define TOCSIN_CORE_CLI_COMPARE_PRINT_H

#include <jansson.h>

/** `a` and `b` are the names of the versions: members "a" and "b" of the document. */
void compare_print(const json_t *document);

#endif
