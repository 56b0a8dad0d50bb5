/** cli.h - one function per verb of the command line; main.c has the table.
 *  Each takes its own arguments (argv[0] is the verb), prints, and returns the exit code.
 */
#ifndef TOCSIN_CORE_CLI_CLI_H
#define TOCSIN_CORE_CLI_CLI_H

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 4, /**< no daemon answers at the control socket */
	EXIT_REFUSED = 5,     /**< the daemon answered no */
};

#define CLI_SITE_DEFAULT  "scripts"
#define CLI_STATE_DEFAULT "state"

int cli_audit(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_query(int argc, char **argv);
int cli_reference(int argc, char **argv);
int cli_repl(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_rule(int argc, char **argv);
int cli_incident(int argc, char **argv);
int cli_alert(int argc, char **argv);
int cli_silence(int argc, char **argv);
int cli_oncall(int argc, char **argv);
int cli_oncall_people(int argc, char **argv);
int cli_plan(int argc, char **argv);
int cli_plan_test(int argc, char **argv); /**< argv[0] is "test" */
int cli_plan_check(int argc, char **argv);
int cli_notify(int argc, char **argv);

#endif
