/** mail_client.h - mail out over SMTP on the loop, by the HTTP client's libcurl.
 *
 *  A call is an http_call: it ends by on_done or http_call_cancel(), and counts to HTTP_CALLS_MAX.
 *  The result's `status` is the server's last reply code, its `code` 0 when the mail was taken.
 *  A mail is taken when at least one recipient was; one that is not delays no other.
 */
#ifndef TOCSIN_CORE_LOOP_MAIL_CLIENT_H
#define TOCSIN_CORE_LOOP_MAIL_CLIENT_H

#include "core/loop/http_client.h"

struct mail_call_options {
	const char *url;             /**< "smtp://host:port" or "smtps://host:port" */
	const char *from;            /**< address */
	const char *const *to;       /**< addresses, NULL-terminated */
	struct slice text;           /**< headers and body with CR LF; copied */
	const char *user, *password; /**< or NULL */
	bool has_tls;                /**< STARTTLS on smtp://; without it the call fails */
	int64_t connect_ms, total_ms;
};

/** ERR_INVALID (URL, an address with control characters), ERR_FULL. */
int mail_call_start(struct http_call **out, struct http_client *client,
		    const struct mail_call_options *options,
		    void (*on_done)(void *arg, const struct http_result *result), void *arg,
		    struct err_note *why);

#endif
