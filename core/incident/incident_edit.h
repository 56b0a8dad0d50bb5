/** incident_edit.h - what the files that carry out commands share. */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_EDIT_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_EDIT_H

struct err_note;
struct incident;
struct incident_command;
struct incident_store;

/** The incident, when the revision is right. ERR_NOT_FOUND, ERR_CONFLICT. */
int command_find(struct incident_store *store, const struct incident_command *command,
		 struct incident **out, struct err_note *why);

#endif
