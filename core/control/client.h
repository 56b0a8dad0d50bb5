/** client.h - the command line's end of the control socket: one request, one answer, blocking. */
#ifndef TOCSIN_CORE_CONTROL_CLIENT_H
#define TOCSIN_CORE_CONTROL_CLIENT_H

struct err_note;

/** `args_json` may be NULL. *answer is the owned JSON text of the whole answer line.
 *  ERR_NOT_FOUND / ERR_IO: no daemon there; ERR_TIMEOUT. */
int control_request(const char *socket_path, const char *verb, const char *args_json,
		    int timeout_ms, char **answer, struct err_note *why);

#endif
