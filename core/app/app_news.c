#include "core/app/app_news.h"

#include "core/app/app_escalation.h"
#include "core/app/app_internal.h"
#include "core/base/env.h"
#include "core/channel/channel.h"
#include "core/config/config.h"
#include "core/config/config_incidents.h"
#include "core/escalation/escalation.h"
#include "core/incident/incident_command.h"
#include "core/loop/loop.h"
#include "core/news/news.h"
#include "core/paging/paging.h"

static int on_put(void *arg, const char *output, const char *id, struct slice body,
		  void (*on_sent)(void *sent_arg, bool is_delivered, const char *error),
		  void *sent_arg, struct err_note *why)
{
	struct app *app = arg;
	return outbox_put(app->outbox, output, id, body, on_sent, sent_arg, why);
}

static void on_told(void *arg, uint64_t incident)
{
	struct app *app = arg;
	incident_notified(app->incidents, incident, loop_wall_ms(app->loop));
}

bool app_may_send(void *arg, const char *output, const char *id, struct slice body, char *reason)
{
	struct app *app = arg;
	return paging_may_send(app->paging, id, body, reason, OUTBOX_REASON_BYTES) &&
	       escalation_may_send(app->escalation->chains, id, reason, OUTBOX_REASON_BYTES) &&
	       news_may_send(app->news, output, id, reason);
}

void app_on_row_end(void *arg, const char *output, const char *id, struct slice body,
		    const char *error)
{
	struct app *app = arg;
	paging_on_sent(app->paging, output, id, body, error == NULL, error);
	escalation_on_sent(app->escalation->chains, id, error == NULL);
}

int app_news_open(struct app *app, struct err_note *why)
{
	uint64_t seed = 0;
	env_random(app->env, &seed, sizeof(seed));
	struct news_options options = {
		.kv = app->kv,
		.commit = app->commit,
		.loop = app->loop,
		.incidents = app->incidents,
		.seed = seed,
		.on_put = on_put,
		.on_told = on_told,
		.arg = app,
	};
	return news_new(&app->news, &options, why);
}

static enum news_kind kind_of(const struct config_output *output)
{
	if (output->kind != OUTPUT_CHANNEL)
		return NEWS_MACHINE;
	return channel_can_edit(output->channel) ? NEWS_EDITED : NEWS_LIMITED;
}

void app_configure_news(struct app *app, const struct config *config)
{
	const struct config_incidents *from = config->incidents;
	struct news_output outputs[NEWS_OUTPUTS_MAX];
	struct news_settings settings = {
		.outputs = outputs,
		.limit_count = from->tell_limit.count,
		.limit_ms = from->tell_limit.span_ms,
		.zone = app->zone,
	};
	_Static_assert((int)CONFIG_TELL_MAX <= (int)NEWS_OUTPUTS_MAX, "each has a place");
	_Static_assert((int)CONFIG_TELL_LIMIT_MAX <= (int)NEWS_LIMIT_MAX, "each has a place");
	for (uint32_t i = 0; i < from->tell_count; i++) {
		const struct config_output *output = config_find_output(config, from->tell[i]);
		outputs[settings.output_count++] = (struct news_output){
			.name = output->name,
			.kind = kind_of(output),
			.is_zh = output->channel != NULL ? output->channel->is_zh
							 : output->has_zh_keys,
		};
	}
	news_configure(app->news, &settings);
}
