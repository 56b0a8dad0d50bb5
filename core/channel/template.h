/** template.h - texts with {names} in them.
 *
 *  `{name}` is replaced by the message's field; anything else, a lone brace too, stays as it is, so
 *  JSON can be written without escapes. A line whose names are all empty is left out.
 */
#ifndef TOCSIN_CORE_CHANNEL_TEMPLATE_H
#define TOCSIN_CORE_CHANNEL_TEMPLATE_H

#include "core/base/bytes.h"

struct err_note;
struct message_fields;

enum { TEMPLATE_BYTES_MAX = 8192, TEMPLATE_NAME_BYTES_MAX = 64 };

/** Appends a value so that it cannot be taken for the language around it. */
typedef void template_escape(struct bytes *out, struct slice value);

/** ERR_INVALID: a name that no message has; ERR_RANGE: too long. */
int template_check(const char *text, struct err_note *why);
void template_expand(const char *text, const struct message_fields *fields, template_escape *escape,
		     struct bytes *out);
/** One text, no lines left out: for bodies of requests. */
void template_expand_whole(const char *text, const struct message_fields *fields,
			   template_escape *escape, struct bytes *out);

/** What a channel says when its output has no template of its own: the first line is the title.
 *  `is_short`: one line, for voices and SMS. Never NULL. */
const char *template_default(const char *event, bool is_short, bool is_zh);

#endif
