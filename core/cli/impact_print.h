/** impact_print.h - what a change of versions does to state, as lines for a person. */
#ifndef TOCSIN_CORE_CLI_IMPACT_PRINT_H
#define TOCSIN_CORE_CLI_IMPACT_PRINT_H

#include <jansson.h>

/** Three lines of json_impact()'s object (core/control/json_text.h). */
void impact_print(const json_t *impact);

#endif
