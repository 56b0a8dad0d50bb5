/** link_page.h - the pages behind a link: plain HTML without scripts, and what a form sends back.
 *  Every text is escaped where it is put in.
 */
#ifndef TOCSIN_CORE_LINK_LINK_PAGE_H
#define TOCSIN_CORE_LINK_LINK_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

/** A question, and a button for each answer. NULL: none. */
struct link_page {
	bool is_zh;
	const char *plan, *question, *incident, *person, *expires;
	const char *const *choices; /**< values as JSON */
	uint32_t choice_count;
	bool wants_value; /**< it has a schema: the value is written by hand */
	const char *yes_token, *no_token;
	bool is_yes_first;
};

void link_append_question(const struct link_page *page, struct bytes *out);
/** A title and a sentence. */
void link_append_notice(bool is_zh, const char *title, const char *text, struct bytes *out);

/** What the forms of the page send: application/x-www-form-urlencoded. Owned; NULL: not there. */
enum { LINK_FORM_BYTES_MAX = 16384 };
char *link_form_value(struct slice body, const char *name);

#endif
