/** rule_shadow.h - `tocsin rule shadow`: a version beside the active one, sent to nobody. */
#ifndef TOCSIN_CORE_CLI_RULE_SHADOW_H
#define TOCSIN_CORE_CLI_RULE_SHADOW_H

#include <jansson.h>

struct remote;

/** NAME and version of the command line ("" and 0 when absent). The exit code. */
int cli_rule_shadow(const struct remote *remote, const char *name, json_int_t version);

#endif
