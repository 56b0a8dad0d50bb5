#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/channel.h"
#include "core/channel/message.h"
#include "core/cli/big_stack.h"
#include "core/config/config.h"
#include "core/loop/http_client.h"
#include "core/loop/loop.h"
#include "core/outbox/outbox.h"
#include "lua/host/generation.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin notify test OUTPUT [--dry-run] [--event EVENT] [--language en|zh]\n"
	"                          [--recipient ADDRESS] [--text TEXT] [--site DIR]\n"
	"\n"
	"Sends a sample message to an output of people (dingtalk, feishu, wecom, slack, mail,\n"
	"gateway, console) and says what the channel answered. No daemon is needed.\n"
	"\n"
	"  --dry-run            prints the exact request, keys masked, and sends nothing\n"
	"  --event EVENT        opened, acked, escalated, resolved, plan, ask, alert … (default: "
	"test)\n"
	"  --language LANGUAGE  instead of the output's\n"
	"  --recipient ADDRESS  a number, a mail address, a member: whom to mention or call\n"
	"  --text TEXT          what the message says\n"
	"  --site DIR           the site (default: " CLI_SITE_DEFAULT ")\n"
	"\n"
	"Exit code: 0 delivered or printed, 1 not delivered or no such output, 2 wrong use.\n"
	"\n"
	"Examples:\n"
	"  tocsin notify test ops --dry-run --event opened --language zh\n"
	"  tocsin notify test voice --recipient +8613800001111\n";

struct notify {
	const char *site_dir, *output, *event, *language, *recipient, *text;
	bool is_dry;
};

static const char incident_sample[] =
	"{\"number\":42,\"title\":\"payments fail at m1\",\"severity\":\"critical\","
	"\"state\":\"open\",\"category\":\"online\",\"rule\":\"pay_failures\","
	"\"dimension\":{\"merchantId\":\"m1\"}}";
static const char alert_sample[] =
	"{\"name\":\"payments fail\",\"rule\":\"pay_failures\",\"state\":\"firing\","
	"\"severity\":\"critical\",\"threshold\":\">=400\",\"value\":512,\"window\":\"1m\","
	"\"alert_time\":\"2026-01-05T09:00:00Z\",\"dimension\":{\"merchantId\":\"m1\"}}";

/* ---- the message ---- */

static void append_sample(const struct notify *notify, struct bytes *out)
{
	bool is_test = strcmp(notify->event, "test") == 0;
	bool is_alert = strcmp(notify->event, "alert") == 0;
	bool is_zh = notify->language != NULL && strcmp(notify->language, "zh") == 0;
	const struct message message = {
		.event = notify->event,
		.language = notify->language,
		.title = !is_test ? NULL
			 : is_zh  ? "此通道可用"
				  : "this output works",
		.text = notify->text,
		.recipient = notify->recipient,
		.incident_json = is_test || is_alert ? NULL : incident_sample,
		.alert_json = is_alert ? alert_sample : NULL,
	};

	message_append_row(&message, out);
}

/* ---- printed or sent ---- */

static int print_request(const struct channel *channel, const char *id, struct slice row)
{
	const struct channel_moment moment = {.id = id, .wall_ms = env_wall_ms(env_live())};
	struct message_fields *fields = message_fields_new(row, id);
	struct channel_request request;
	struct bytes text = BYTES_EMPTY;
	struct err_note why = {{0}};
	int code = channel_build(channel, fields, &moment, &request, &why);

	if (code != 0) {
		fprintf(stderr, "notify: %s\n", why.text);
	} else {
		channel_request_print(channel, &request, &text);
		fwrite(text.data, 1, text.length, stdout);
		channel_request_deinit(&request);
	}
	bytes_deinit(&text);
	message_fields_free(fields);
	return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

struct sending {
	const char *output;
	struct loop *loop;
	struct outbox_trial *trial;
	const char *id;
	struct slice row;
	bool is_delivered;
};

static void on_start(void *arg)
{
	struct sending *sending = arg;

	outbox_trial_send(sending->trial, sending->id, sending->row);
}

static void on_done(void *arg, bool is_delivered, const char *error)
{
	struct sending *sending = arg;

	sending->is_delivered = is_delivered;
	if (is_delivered)
		fprintf(stderr, "notify: %s: delivered\n", sending->output);
	else
		fprintf(stderr, "notify: %s: %s\n", sending->output, error);
	loop_stop(sending->loop);
}

static int send_request(const struct notify *notify, const struct channel *channel, const char *id,
			struct slice row)
{
	struct outbox_options options = {0};
	struct sending sending = {.output = notify->output, .id = id, .row = row};
	struct timer *start = NULL;
	struct err_note why = {{0}};
	int code = loop_live_new(&options.loop, env_live(), &why);

	if (code == 0)
		code = http_client_new(&options.client, options.loop, &why);
	if (code == 0) {
		sending.loop = options.loop;
		sending.trial = outbox_trial_new(&options, channel, on_done, &sending);
		start = timer_new(options.loop, on_start, &sending);
		timer_set(start, 0);
		code = loop_run(options.loop, &why);
	}
	if (code != 0)
		fprintf(stderr, "notify: %s\n", why.text);
	outbox_trial_free(sending.trial);
	timer_free(start);
	http_client_free(options.client);
	if (options.loop != NULL)
		loop_free(options.loop);
	return code == 0 && sending.is_delivered ? EXIT_DONE : EXIT_FAILED;
}

static int test_channel(const struct notify *notify, const struct channel_settings *settings)
{
	struct channel *channel = NULL;
	struct bytes row = BYTES_EMPTY;
	struct err_note why = {{0}};
	char id[64];
	int code;

	snprintf(id, sizeof(id), "test-%" PRId64, env_wall_ms(env_live()));
	if (channel_new(&channel, settings, &why) != 0) {
		fprintf(stderr, "notify: output \"%s\": %s\n", notify->output, why.text);
		return EXIT_FAILED;
	}
	append_sample(notify, &row);
	code = notify->is_dry ? print_request(channel, id, bytes_slice(&row))
			      : send_request(notify, channel, id, bytes_slice(&row));
	bytes_deinit(&row);
	channel_free(channel);
	return code;
}

/* ---- the site ---- */

static int no_output(const struct config *config, const char *name)
{
	const char *separator = "";

	fprintf(stderr, "notify: the site has no output \"%s\" for people; it has ", name);
	for (uint32_t i = 0; i < config->output_count; i++) {
		if (config->outputs[i].channel == NULL)
			continue;
		fprintf(stderr, "%s%s", separator, config->outputs[i].name);
		separator = ", ";
	}
	fprintf(stderr, "%s\n", separator[0] == '\0' ? "none" : "");
	return EXIT_FAILED;
}

static int test_output(void *arg)
{
	const struct notify *notify = arg;
	static const char *const no_scripts[] = {NULL};
	struct generation *generation = NULL;
	const struct config_output *output;
	struct err_note why = {{0}};
	int code;

	if (generation_load(&generation, notify->site_dir, no_scripts, 0, &why) != 0) {
		fprintf(stderr, "notify: %s\n", why.text);
		return EXIT_FAILED;
	}
	if (generation->config == NULL) {
		fprintf(stderr, "notify: %s has faults: tocsin check --site %s\n", notify->site_dir,
			notify->site_dir);
		generation_free(generation);
		return EXIT_FAILED;
	}
	output = config_find_output(generation->config, notify->output);
	if (output == NULL || output->channel == NULL)
		code = no_output(generation->config, notify->output);
	else
		code = test_channel(notify, output->channel);
	generation_free(generation);
	return code;
}

static int wrong_use(const char *text)
{
	fprintf(stderr, "notify: %s\nTry 'tocsin notify --help'.\n", text);
	return EXIT_USAGE;
}

static int wrong_event(const char *name)
{
#define EVENT_WORD(event) " " #event
	fprintf(stderr,
		"notify: there is no event \"%s\"; there are" MESSAGE_EVENT_LIST(
			EVENT_WORD) "\nTry 'tocsin notify --help'.\n",
		name);
#undef EVENT_WORD
	return EXIT_USAGE;
}

int cli_notify(int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'},
		{"dry-run", no_argument, NULL, 'd'},
		{"event", required_argument, NULL, 'e'},
		{"language", required_argument, NULL, 'l'},
		{"recipient", required_argument, NULL, 'r'},
		{"text", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct notify notify = {.site_dir = CLI_SITE_DEFAULT, .event = "test"};
	int option;

	optind = 0; /* main has read its own options: start again (GNU) */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': notify.site_dir = optarg; break;
		case 'd': notify.is_dry = true; break;
		case 'e': notify.event = optarg; break;
		case 'l': notify.language = optarg; break;
		case 'r': notify.recipient = optarg; break;
		case 't': notify.text = optarg; break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fputs("Try 'tocsin notify --help'.\n", stderr); return EXIT_USAGE;
		}
	}
	if (argc - optind != 2 || strcmp(argv[optind], "test") != 0)
		return wrong_use("wants \"test\" and the name of an output");
	if (!message_is_event(notify.event))
		return wrong_event(notify.event);
	if (notify.language != NULL && strcmp(notify.language, "en") != 0 &&
	    strcmp(notify.language, "zh") != 0)
		return wrong_use("the language is en or zh");
	notify.output = argv[optind + 1];
	return cli_on_big_stack(test_output, &notify);
}
