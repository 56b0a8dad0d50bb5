/** action_secret.h - secrets in the arguments of a step: {"$secret": name, "prefix", "suffix"}.
 *
 *  The script has this table and nothing else; so has the journal. The value is read when a try is
 *  sent, and taken out of what comes back. Only http.request may send one: what other actions are
 *  given is stored (notify.send, log.write) or seen by every process (exec.run).
 */
#ifndef TOCSIN_CORE_PLAN_ACTION_SECRET_H
#define TOCSIN_CORE_PLAN_ACTION_SECRET_H

#include <jansson.h>

#include <stdbool.h>

struct config;
struct err_note;

/** Whether the value holds a secret anywhere. */
bool action_secret_is_in(const json_t *args);
/** A copy with each secret replaced by its value, or, when `values` is NULL, by its name. Values
 *  that were used are added to `values` (an array). *out is owned. ERR_NOT_FOUND, ERR_INVALID,
 *  those of secret_read(). */
int action_secret_resolve(const json_t *args, const struct config *config, json_t *values,
			  json_t **out, struct err_note *why);
/** A copy of the text with each of the values replaced by "[secret]". Owned. */
char *action_secret_hide(const char *text, const json_t *values);
/** The same in every text of a JSON document, whatever escapes it has. Owned. */
char *action_secret_hide_json(const char *json_text, const json_t *values);

#endif
