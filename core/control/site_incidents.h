/** site_incidents.h - a site's `incidents` and `categories` as settings of an incident store. */
#ifndef TOCSIN_CORE_CONTROL_SITE_INCIDENTS_H
#define TOCSIN_CORE_CONTROL_SITE_INCIDENTS_H

struct config;
struct incident_settings;

/** Texts are borrowed from the configuration. */
void site_incident_settings(const struct config *config, struct incident_settings *out);

#endif
