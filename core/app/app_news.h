/** app_news.h - what people are told of incidents, and what need not be told any more. Only for the
 *  files of core/app. Loop thread.
 */
#ifndef TOCSIN_CORE_APP_APP_NEWS_H
#define TOCSIN_CORE_APP_APP_NEWS_H

#include <stdbool.h>

#include "core/base/bytes.h"

struct app;
struct config;
struct err_note;

int app_news_open(struct app *app, struct err_note *why);
void app_configure_news(struct app *app, const struct config *config);
/** For outbox_gate: whoever put a row is asked about it. */
bool app_may_send(void *arg, const char *output, const char *id, struct slice body, char *reason);
/** What became of a row that passed the gate. */
void app_on_row_end(void *arg, const char *output, const char *id, struct slice body,
		    const char *error);

#endif
