#include "core/app/app_internal.h"

#include "core/app/app_links.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/control/control.h"
#include "core/loop/http_server.h"

#include <string.h>

enum { HTTP_CONNS_MAX = 256, HTTP_BODY_BYTES_MAX = 8 * 1024 * 1024, HTTP_IDLE_MS = 10000 };

static void reply_text(struct http_request *request, int status, const char *text)
{
	http_reply(request, status, "text/plain; charset=utf-8", slice_of(text));
}

/** Without a token only the machine itself can connect; a page in its browser still must not. */
static bool is_allowed(const struct app *app, const struct http_request *request)
{
	const char *header = http_request_header(request, "Authorization");
	if (app->token == NULL)
		return http_request_header(request, "Origin") == NULL;
	return header != NULL && strncmp(header, "Bearer ", 7) == 0 &&
	       secret_equal(header + 7, app->token);
}

static bool serve_health(struct app *app, struct http_request *request, const char *path)
{
	if (strcmp(path, "/healthz") == 0) {
		reply_text(request, 200, "ok\n");
	} else if (strcmp(path, "/readyz") == 0) {
		if (app->is_paused)
			reply_text(request, 503, "the disk is nearly full: input waits\n");
		else
			reply_text(request, app->is_ready ? 200 : 503,
				   app->is_ready ? "ready\n" : "not ready\n");
	} else {
		return false;
	}
	return true;
}

static void serve_metrics(struct app *app, struct http_request *request)
{
	struct bytes text = BYTES_EMPTY;
	metrics_append(&app->target, &text);
	http_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", bytes_slice(&text));
	bytes_deinit(&text);
}

static void on_request(void *arg, struct http_request *request)
{
	struct app *app = arg;
	const char *path = http_request_path(request);
	bool is_get = strcmp(http_request_method(request), "GET") == 0;
	if (is_get && serve_health(app, request, path))
		return;
	/* The token of a link is a key of its own. */
	if (strncmp(path, "/link/", 6) == 0 && app_links_serve(app, request, path + 6))
		return;
	if (!is_allowed(app, request))
		reply_text(request, app->token != NULL ? 401 : 403,
			   app->token != NULL
				   ? "the header Authorization: Bearer <listen.token> is needed\n"
				   : "pages of other origins are refused without listen.token\n");
	else if (is_get && strcmp(path, "/metrics") == 0)
		serve_metrics(app, request);
	else if (strncmp(path, "/ingest/", 8) == 0)
		app_sources_ingest(app, request, path + 8);
	else
		reply_text(request, 404,
			   "there are: GET /healthz /readyz /metrics, POST /ingest/<source>\n");
}

int app_http_open(struct app *app, struct err_note *why)
{
	const struct config *config = app->config;
	if (config->listen_http == NULL)
		return 0;
	struct http_server_options options = {
		.address = config->listen_http,
		.conns_max = HTTP_CONNS_MAX,
		.body_bytes_max = HTTP_BODY_BYTES_MAX,
		.idle_ms = HTTP_IDLE_MS,
		.on_request = on_request,
		.arg = app,
	};
	int code = 0;
	if (config->token != NULL)
		code = secret_read(config->token, &app->token, why);
	if (code == 0)
		code = http_server_new(&app->http, app->loop, &options, why);
	return code;
}
