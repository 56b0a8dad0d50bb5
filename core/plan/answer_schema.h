/** answer_schema.h - what the value of an answer must look like.
 *
 *      "number"                                       a type: text, number, whole, boolean, any
 *      { type = "whole", min = 1, max = 100 }         bounds of a number, of the bytes of a text
 *      { choices = { "dc1", "dc2" } }                 one of these
 *      { fields = { dc = "text", share = { type = "number", max = 1 } } }
 *                                                     a table of exactly these; `optional = true`
 */
#ifndef TOCSIN_CORE_PLAN_ANSWER_SCHEMA_H
#define TOCSIN_CORE_PLAN_ANSWER_SCHEMA_H

#include <jansson.h>

struct err_note;

/** Whether it is a schema; NULL is none. `name` begins the sentence. ERR_INVALID. */
int answer_schema_check(const json_t *schema, const char *name, struct err_note *why);
/** ERR_INVALID: "<name> must be a whole number". A NULL schema takes everything. */
int answer_schema_fits(const json_t *schema, const json_t *value, const char *name,
		       struct err_note *why);

#endif
