#include "core/app/app_internal.h"

#include "core/control/site_incidents.h"
#include "core/incident/incident.h"
#include "core/incident/incident_settings.h"

void app_configure_incidents(struct app *app, const struct config *config)
{
	struct incident_settings settings;
	site_incident_settings(config, &settings);
	incident_configure(app->incidents, &settings);
}
