/** app_links.h - links in messages that answer what a plan asks. Only for the files of core/app. */
#ifndef TOCSIN_CORE_APP_APP_LINKS_H
#define TOCSIN_CORE_APP_APP_LINKS_H

#include <stdbool.h>

#include "core/base/bytes.h"

struct app;
struct config;
struct err_note;
struct http_request;
struct plan_question;

int app_links_open(struct app *app, struct err_note *why);
void app_links_close(struct app *app);
/** The key of the site's links, owned; NULL without links. It is used from app_links_use() on. */
int app_links_read(const struct config *config, char **secret, struct err_note *why);
void app_links_use(struct app *app, char *secret);
/** GET and POST of /link/<token>; false: the site has no links. */
bool app_links_serve(struct app *app, struct http_request *request, const char *token);
/** Appends the URL of one answer of one person; false: there are no links. */
bool app_links_append(struct app *app, const struct plan_question *question, const char *person,
		      bool is_yes, struct bytes *out);

/* app_asks.c: whoever is asked is paged. */
void app_on_ask(void *arg, const struct plan_question *question);
/** For paging_options: is the question of this topic open; the links of a person for it. */
bool app_ask_is_open(void *arg, const char *topic);
void app_ask_append_links(void *arg, const char *topic, const char *person, bool is_short,
			  struct bytes *out);

#endif
