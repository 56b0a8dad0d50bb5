/** app_paging.h - whom pages reach. Only for the files of core/app. */
#ifndef TOCSIN_CORE_APP_APP_PAGING_H
#define TOCSIN_CORE_APP_APP_PAGING_H

struct app;
struct err_note;

int app_paging_open(struct app *app, struct err_note *why);
void app_paging_close(struct app *app);

#endif
