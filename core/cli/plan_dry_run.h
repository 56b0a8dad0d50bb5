/** plan_dry_run.h - `tocsin plan dry-run`: what would a plan do? */
#ifndef TOCSIN_CORE_CLI_PLAN_DRY_RUN_H
#define TOCSIN_CORE_CLI_PLAN_DRY_RUN_H

/** argv[0] is "dry-run". The exit code: 0 the run was done, 1 it was not. */
int plan_dry_run(int argc, char **argv);

#endif
