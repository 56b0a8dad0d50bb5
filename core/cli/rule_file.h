/** rule_file.h - `tocsin rule new` and `rule edit`: the next version of a rule as a file. */
#ifndef TOCSIN_CORE_CLI_RULE_FILE_H
#define TOCSIN_CORE_CLI_RULE_FILE_H

#include <stdbool.h>

struct remote;

/** Writes rules/NAME/<next>.lua and prints its path: a copy of the newest version, or a template
 *  when there is none (`may_begin`). The exit code. */
int cli_rule_file(const struct remote *remote, const char *name, bool may_begin);

#endif
