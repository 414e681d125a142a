/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program holdfastd does; its options are read in main.c. Each returns an exit status. */
#ifndef HF_HOST_DAEMON_H
#define HF_HOST_DAEMON_H

#include "base/compiler.h"

#define HF_DEFAULT_CONFIG HF_SYSCONFDIR "/holdfast.conf"

enum { HF_EXIT_OK = 0, HF_EXIT_FAILED = 1, HF_EXIT_USAGE = 2, HF_EXIT_CONFIG = 78 };

HF_API int hf_daemon_run(const char *config); /* until SIGTERM, SIGINT or `hfctl stop` */
HF_API int hf_daemon_check(const char *config);
HF_API int hf_daemon_show(const char *config);
HF_API int hf_daemon_sample(
	const char *config); /* modules from the directories it names, if it is there */
HF_API int hf_daemon_options_doc(const char *config);

#endif
