/** rule_template.h - the first version of a rule, for a person to fill in: it passes `tocsin check`
 *  as it is, because its names are the site's own.
 */
#ifndef TOCSIN_CORE_CLI_RULE_TEMPLATE_H
#define TOCSIN_CORE_CLI_RULE_TEMPLATE_H

struct bytes;
struct config;
struct err_note;

/** Appends the file. `config` NULL (a faulty site) or without what is needed: names of an example
 *  take their place. ERR_INVALID: no such type; the note lists them. */
int rule_template_append(const char *type, const struct config *config, struct bytes *out,
			 struct err_note *why);

#endif
