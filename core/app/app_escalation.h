/** app_escalation.h - chains, and what they do to the world. Loop thread only. */
#ifndef TOCSIN_CORE_APP_APP_ESCALATION_H
#define TOCSIN_CORE_APP_APP_ESCALATION_H

struct app;
struct config;
struct err_note;
struct escalation;
struct heartbeat;
struct override_store;

struct app_escalation {
	struct override_store *overrides;
	struct escalation *chains;
	struct heartbeat *heartbeat;
};

int app_escalation_open(struct app *app, struct err_note *why);
void app_configure_escalation(struct app *app, struct config *config);
void app_escalation_close(struct app *app);

#endif
