#include "core/escalation/heartbeat.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config_chains.h"
#include "core/loop/http_client.h"
#include "core/loop/loop.h"

#include <string.h>

enum { STATUS_OK = 200, STATUS_OK_END = 300 };

struct heartbeat {
	struct loop *loop;
	struct http_client *client;
	bool (*is_alive)(void *arg);
	void *arg;
	struct timer *timer;
	struct http_call *call; /* on its way, or NULL */
	char *url;              /* NULL: none */
	int64_t every_ms, timeout_ms;
	struct heartbeat_usage usage;
	char *error;
};

static void set_error(struct heartbeat *heartbeat, const char *error)
{
	if ((error == NULL) != (heartbeat->error == NULL)) {
		if (error != NULL)
			log_warn(INCIDENT, "the heartbeat is not heard: %s", error);
		else
			log_info(INCIDENT, "the heartbeat is heard again");
	}
	mem_free(heartbeat->error);
	heartbeat->error = mem_copy_text(error);
}

/** The client's sentence begins with the URL, which is often a password. */
static void on_done(void *arg, const struct http_result *result)
{
	struct heartbeat *heartbeat = arg;
	char text[64];

	heartbeat->call = NULL;
	if (result->code == 0 && result->status >= STATUS_OK && result->status < STATUS_OK_END) {
		heartbeat->usage.sent++;
		heartbeat->usage.heard_ms = loop_wall_ms(heartbeat->loop);
		set_error(heartbeat, NULL);
		return;
	}
	heartbeat->usage.failed++;
	if (result->code == 0)
		snprintf(text, sizeof(text), "the answer is %d", result->status);
	else
		snprintf(text, sizeof(text), "%s", err_sentence(result->code));
	set_error(heartbeat, text);
}

static void send(struct heartbeat *heartbeat)
{
	struct http_call_options options = {
		.method = "GET",
		.url = heartbeat->url,
		.total_ms = heartbeat->timeout_ms,
	};
	struct err_note why = {{0}};

	if (heartbeat->call != NULL)
		http_call_cancel(heartbeat->call);
	heartbeat->call = NULL;
	int code = http_call_start(&heartbeat->call, heartbeat->client, &options, on_done,
				   heartbeat, &why);
	if (code == 0)
		return;
	heartbeat->usage.failed++;
	set_error(heartbeat, err_sentence(code));
}

static void on_time(void *arg)
{
	struct heartbeat *heartbeat = arg;

	if (heartbeat->is_alive(heartbeat->arg))
		send(heartbeat);
	else
		heartbeat->usage.withheld++;
	timer_set(heartbeat->timer, heartbeat->every_ms);
}

struct heartbeat *heartbeat_new(struct loop *loop, struct http_client *client,
				bool (*is_alive)(void *arg), void *arg)
{
	struct heartbeat *heartbeat = mem_alloc(sizeof(*heartbeat));

	heartbeat->loop = loop;
	heartbeat->client = client;
	heartbeat->is_alive = is_alive;
	heartbeat->arg = arg;
	heartbeat->timer = timer_new(loop, on_time, heartbeat);
	return heartbeat;
}

void heartbeat_free(struct heartbeat *heartbeat)
{
	if (heartbeat == NULL)
		return;
	if (heartbeat->call != NULL)
		http_call_cancel(heartbeat->call);
	timer_free(heartbeat->timer);
	mem_free(heartbeat->url);
	mem_free(heartbeat->error);
	mem_free(heartbeat);
}

static bool is_same(const struct heartbeat *heartbeat, const struct config_heartbeat *config)
{
	if (config == NULL || heartbeat->url == NULL)
		return config == NULL && heartbeat->url == NULL;
	return strcmp(heartbeat->url, config->url) == 0 &&
	       heartbeat->every_ms == config->every_ms &&
	       heartbeat->timeout_ms == config->timeout_ms;
}

void heartbeat_configure(struct heartbeat *heartbeat, const struct config_heartbeat *config)
{
	if (is_same(heartbeat, config))
		return;
	mem_free(heartbeat->url);
	heartbeat->url = config != NULL ? mem_copy_text(config->url) : NULL;
	heartbeat->usage.is_configured = config != NULL;
	if (config == NULL) {
		timer_cancel(heartbeat->timer);
		return;
	}
	heartbeat->every_ms = config->every_ms;
	heartbeat->timeout_ms = config->timeout_ms;
	timer_set(heartbeat->timer, config->every_ms);
}

void heartbeat_usage(const struct heartbeat *heartbeat, struct heartbeat_usage *out)
{
	*out = heartbeat->usage;
	out->error = heartbeat->error;
}
