#include "core/app/run.h"

#include "core/app/app.h"
#include "core/base/log.h"
#include "core/cli/big_stack.h"
#include "core/cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"Usage: tocsin run [--site DIR] [--state DIR] [--log-level LEVEL]\n"
	"\n"
	"The daemon, in the foreground; it logs to stderr. SIGTERM and SIGINT stop it cleanly,\n"
	"SIGHUP reloads the site.\n"
	"\n"
	"  --site DIR         tocsin.lua, rules/, plans/ (default: scripts)\n"
	"  --state DIR        store, control socket, file outputs (default: TOCSIN_STATE or "
	"state)\n"
	"  --log-level LEVEL  debug, info, warn, error or crit (default: info)\n"
	"  --accept-loss      open a store that lost its newest data (see docs/operations.md)\n"
	"\n"
	"Examples:\n"
	"  tocsin run\n"
	"  tocsin run --site /etc/tocsin --state /var/lib/tocsin\n";

static int run_on_stack(void *arg)
{
	return app_run(arg);
}

int app_run_verb(int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'},
		{"state", required_argument, NULL, 'S'},
		{"log-level", required_argument, NULL, 'l'},
		{"accept-loss", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct app_options run = {CLI_SITE_DEFAULT, getenv("TOCSIN_STATE"), false};
	int option, level;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 's': run.site_dir = optarg; break;
		case 'S': run.state_dir = optarg; break;
		case 'a': run.accepts_loss = true; break;
		case 'l':
			level = log_level_parse(optarg);
			if (level < 0) {
				fprintf(stderr,
					"tocsin run: --log-level is one of debug, info, "
					"warn, error, crit, not \"%s\"\n",
					optarg);
				return EXIT_USAGE;
			}
			log_set_level((enum log_level)level);
			break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fputs("hint: tocsin run --help\n", stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tocsin run: \"%s\" is not an option\n", argv[optind]);
		return EXIT_USAGE;
	}
	if (run.state_dir == NULL)
		run.state_dir = CLI_STATE_DEFAULT;
	return cli_on_big_stack(run_on_stack, &run);
}
