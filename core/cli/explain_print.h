/** explain_print.h - the document of core/control/explain.h for people. */
#ifndef TOCSIN_CORE_CLI_EXPLAIN_PRINT_H
#define TOCSIN_CORE_CLI_EXPLAIN_PRINT_H

#include <jansson.h>

void explain_print(const json_t *document);

#endif
