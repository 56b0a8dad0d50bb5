/** run.h - the verb `tocsin run`: options of the daemon. */
#ifndef TOCSIN_CORE_APP_RUN_H
#define TOCSIN_CORE_APP_RUN_H

int app_run_verb(int argc, char **argv);

#endif
