#include "bench/gen/options.h"

#include <getopt.h>
#include <stdlib.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/number.h"
#include "core/model/timestamp.h"

#define START_DEFAULT_MS   INT64_C(1795327200000) /* 2026-11-22T06:00:00Z */
#define LINES_MAX          1000000000000.0
#define SECONDS_MAX        1000000000.0
#define LIVE_LINES_DEFAULT UINT64_MAX

enum {
	OPTION_APPEND = 256,
	OPTION_BREAK,
	OPTION_BREAK_FROM,
	OPTION_BREAK_TO,
	OPTION_CSV_HEADER,
	OPTION_CUSTOMERS,
	OPTION_DURATION,
	OPTION_LATE_MAX,
	OPTION_LIVE,
	OPTION_MALFORMED,
	OPTION_MERCHANT_SKEW,
	OPTION_START,
};

static const struct option long_options[] = {
	{"append", required_argument, NULL, OPTION_APPEND},
	{"break", required_argument, NULL, OPTION_BREAK},
	{"break-from", required_argument, NULL, OPTION_BREAK_FROM},
	{"break-to", required_argument, NULL, OPTION_BREAK_TO},
	{"csv", required_argument, NULL, 'c'},
	{"csv-header", no_argument, NULL, OPTION_CSV_HEADER},
	{"customer-skew", required_argument, NULL, 'k'},
	{"customers", required_argument, NULL, OPTION_CUSTOMERS},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"failures", required_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},
	{"json", required_argument, NULL, 'j'},
	{"late", required_argument, NULL, 'l'},
	{"late-max", required_argument, NULL, OPTION_LATE_MAX},
	{"lines", required_argument, NULL, 'n'},
	{"live", required_argument, NULL, OPTION_LIVE},
	{"malformed", required_argument, NULL, OPTION_MALFORMED},
	{"merchant-skew", required_argument, NULL, OPTION_MERCHANT_SKEW},
	{"merchants", required_argument, NULL, 'm'},
	{"seed", required_argument, NULL, 'r'},
	{"shapes", required_argument, NULL, 'a'},
	{"span", required_argument, NULL, 't'},
	{"start", required_argument, NULL, OPTION_START},
	{NULL, 0, NULL, 0},
};

const char *gen_options_help(void)
{
	return "usage: tocsin-gen [options]\n"
	       "Writes a stream of payments as JSON lines or CSV; the same for the same seed.\n"
	       "\n"
	       "  -n, --lines N          lines in all (default 1000000; live: no end)\n"
	       "  -r, --seed N           default 1\n"
	       "  -j, --json FILE        JSON lines, \"-\" for stdout (the default output)\n"
	       "  -c, --csv FILE         time,paymentId,merchantId,customerId,amount,success\n"
	       "      --csv-header       with the names in the first line\n"
	       "      --append FILE      JSON lines at the end of a file, whole lines at once\n"
	       "\n"
	       "  -m, --merchants N      default 1000: m0001 is the largest (Zipf)\n"
	       "      --merchant-skew S  exponent, default 1; 0: all alike\n"
	       "      --customers N      default 1000000\n"
	       "  -k, --customer-skew S  exponent, default 0: all alike\n"
	       "  -f, --failures SHARE   payments that fail, default 0.02\n"
	       "      --break MERCHANT   its payments fail with 90 % and time out\n"
	       "      --break-from S     .. from S seconds after the start (default 0)\n"
	       "      --break-to S       .. until S seconds after the start (default: the end)\n"
	       "\n"
	       "      --start TIME       first event time, RFC 3339 (2026-11-22T06:00:00Z)\n"
	       "  -t, --span S           seconds of event time, default 3600\n"
	       "  -l, --late SHARE       lines whose time lies up to --late-max back\n"
	       "      --late-max S       default 10\n"
	       "      --malformed SHARE  of the lines are broken (they count as lines)\n"
	       "  -a, --shapes SHARE     of the lines say the same in another form: key order,\n"
	       "                         nested fields, escapes, blanks, number notation\n"
	       "\n"
	       "      --live RATE        lines a second in real time, event time = now\n"
	       "      --duration S       .. for so long; without it until stopped\n"
	       "  -h, --help\n";
}

static int parse_number(const char *text, double min, double max, double *out, struct err_note *why)
{
	double number = 0;

	if (number_parse(slice_of(text), &number) != 0 || number < min || number > max)
		return err_set(why, ERR_INVALID, "\"%.40s\" is not a number from %.12g to %.12g",
			       text, min, max);
	*out = number;
	return 0;
}

static int parse_count(const char *text, double min, double max, uint64_t *out,
		       struct err_note *why)
{
	double number = 0;
	int code = parse_number(text, min, max, &number, why);

	if (code == 0)
		*out = (uint64_t)number;
	return code;
}

static int parse_count_32(const char *text, uint32_t max, uint32_t *out, struct err_note *why)
{
	uint64_t number = 0;
	int code = parse_count(text, 1, max, &number, why);

	if (code == 0)
		*out = (uint32_t)number;
	return code;
}

static int parse_seconds(const char *text, int64_t *out_ms, struct err_note *why)
{
	double seconds = 0;
	int code = parse_number(text, 0, SECONDS_MAX, &seconds, why);

	if (code == 0)
		*out_ms = (int64_t)(seconds * 1000);
	return code;
}

static int parse_start(const char *text, int64_t *out_ms, struct err_note *why)
{
	if (timestamp_parse(slice_of(text), out_ms) != 0)
		return err_set(why, ERR_INVALID, "\"%.40s\" is not a time as 2026-11-22T06:00:00Z",
			       text);
	return 0;
}

static int parse_option(struct gen_options *o, int option, const char *text, struct err_note *why)
{
	switch (option) {
	case 'n': return parse_count(text, 1, LINES_MAX, &o->line_count, why);
	case 'r': return parse_count(text, 0, LINES_MAX, &o->seed, why);
	case 'm': return parse_count_32(text, MERCHANTS_MAX, &o->merchant_count, why);
	case 'j': o->json_path = text; return 0;
	case 'c': o->csv_path = text; return 0;
	case 't': return parse_seconds(text, &o->span_ms, why);
	case 'f': return parse_number(text, 0, 1, &o->failure_rate, why);
	case 'k': return parse_number(text, 0, 10, &o->customer_skew, why);
	case 'l': return parse_number(text, 0, 1, &o->late_share, why);
	case 'a': return parse_number(text, 0, 1, &o->shapes_share, why);
	case 'h': o->wants_help = true; return 0;
	case OPTION_APPEND: o->append_path = text; return 0;
	case OPTION_BREAK:
		return parse_count_32(text[0] == 'm' ? text + 1 : text, MERCHANTS_MAX,
				      &o->broken_merchant, why);
	case OPTION_BREAK_FROM: return parse_seconds(text, &o->break_from_ms, why);
	case OPTION_BREAK_TO: return parse_seconds(text, &o->break_to_ms, why);
	case OPTION_CSV_HEADER: o->has_csv_header = true; return 0;
	case OPTION_CUSTOMERS: return parse_count_32(text, CUSTOMERS_MAX, &o->customer_count, why);
	case OPTION_DURATION: return parse_seconds(text, &o->live_ms, why);
	case OPTION_LATE_MAX: return parse_seconds(text, &o->late_max_ms, why);
	case OPTION_LIVE:
		o->is_live = true;
		return parse_number(text, 0.01, LIVE_RATE_MAX, &o->live_rate, why);
	case OPTION_MALFORMED: return parse_number(text, 0, 1, &o->malformed_share, why);
	case OPTION_MERCHANT_SKEW: return parse_number(text, 0, 10, &o->merchant_skew, why);
	case OPTION_START: return parse_start(text, &o->start_ms, why);
	default: return err_set(why, ERR_INVALID, "see tocsin-gen --help");
	}
}

int gen_options_parse(struct gen_options *out, int argc, char **argv, struct err_note *why)
{
	struct gen_options options = {
		.seed = 1,
		.merchant_count = 1000,
		.customer_count = 1000000,
		.merchant_skew = 1,
		.start_ms = START_DEFAULT_MS,
		.span_ms = 3600000,
		.failure_rate = 0.02,
		.late_max_ms = 10000,
		.break_to_ms = INT64_MAX,
	};
	int option;

	while ((option = getopt_long(argc, argv, "n:r:m:j:c:t:f:k:l:a:h", long_options, NULL)) !=
	       -1) {
		int code = parse_option(&options, option, optarg, why);

		if (code != 0)
			return code;
	}
	if (optind < argc)
		return err_set(why, ERR_INVALID, "\"%.40s\" is not an option", argv[optind]);
	if (options.line_count == 0)
		options.line_count = options.is_live ? LIVE_LINES_DEFAULT : 1000000;
	if (options.json_path == NULL && options.csv_path == NULL && options.append_path == NULL)
		options.json_path = "-";
	*out = options;
	return 0;
}
