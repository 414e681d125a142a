/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of holdfastd: configuration, sockets and keys while it may be root, then its own user,
 * then the store and the modules, then serving until a signal or `hfctl stop`. The main thread
 * takes the signals; no other ever sees one. */
#include "host/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/host_priv.h"

static void print_note(struct hf_note *why)
{
	struct hf_str rest = hf_str(hf_note_text(why));

	while (rest.size) {
		struct hf_str line = hf_str_split(&rest, '\n');

		fprintf(stderr, "holdfastd: %.*s\n", HF_STR_ARG(line));
	}
}

/* Reads the configuration; NULL after telling what is wrong. */
static struct hf_setup *read_setup(const char *path, struct hf_loader *loader)
{
	struct hf_note why = HF_NOTE_INIT;
	struct hf_config *config = NULL;
	struct hf_setup *setup = NULL;

	if (access(path, F_OK) != 0) {
		fprintf(stderr,
			"holdfastd: there is no configuration at %s: %s\n"
			"holdfastd: `holdfastd --sample` prints one to begin with; -c FILE names another place\n",
			path, strerror(errno));
		return NULL;
	}
	config = hf_config_open(path, &why);
	if (config)
		setup = hf_setup_new(&config, loader, &why);
	print_note(&why);
	hf_note_fini(&why);
	return setup;
}

int hf_daemon_check(const char *path)
{
	struct hf_loader *loader = hf_loader_new();
	struct hf_setup *setup = read_setup(path, loader);
	struct hf_note why = HF_NOTE_INIT;
	int status = HF_EXIT_CONFIG;

	if (setup) {
		hf_setup_check(setup, &why);
		print_note(&setup->missing);
		print_note(&why);
		if (!why.count && !setup->missing.count) {
			printf("%s: ok\n", path);
			status = HF_EXIT_OK;
		}
	}
	hf_note_fini(&why);
	hf_setup_free(&setup);
	hf_loader_free(&loader);
	return status;
}

int hf_daemon_show(const char *path)
{
	struct hf_loader *loader = hf_loader_new();
	struct hf_setup *setup = read_setup(path, loader);
	int status = setup ? HF_EXIT_OK : HF_EXIT_CONFIG;

	if (setup) {
		print_note(&setup->missing);
		hf_setup_show(setup, stdout);
	}
	hf_setup_free(&setup);
	hf_loader_free(&loader);
	return status;
}

/* Modules come from the directories of the configuration, if there is one; else from where they are
 * installed. */
static int print_options(const char *path, void (*print)(struct hf_loader *loader, FILE *out))
{
	static const char *const installed[] = { HF_MODULEDIR, NULL };
	struct hf_loader *loader = hf_loader_new();
	struct hf_setup *setup = access(path, F_OK) == 0 ? read_setup(path, loader) : NULL;

	if (!setup)
		hf_loader_directories(loader, installed);
	print(loader, stdout);
	hf_setup_free(&setup);
	hf_loader_free(&loader);
	return HF_EXIT_OK;
}

int hf_daemon_sample(const char *path)
{
	return print_options(path, hf_sample_print);
}

int hf_daemon_options_doc(const char *path)
{
	return print_options(path, hf_options_doc_print);
}

/* Running --------------------------------------------------------------------- */

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The store's directory, made while we may, for the user that we become. */
static void make_directory(const struct hf_setup *setup, const struct hf_identity *identity)
{
	const char *path = setup->host.store.directory;

	if (mkdir(path, 0700) == 0 && identity->change &&
	    chown(path, identity->uid, identity->gid) != 0)
		hf_warning(NULL, "chown path=%s error=%s", path, strerror(errno));
}

static void reload(struct hf_host *host)
{
	struct hf_note why = HF_NOTE_INIT;
	struct hf_buf state = HF_BUF_INIT;

	hf_buf_printf(&state, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)hf_now_us());
	hf_notify(hf_buf_cstr(&state));
	hf_buf_fini(&state);
	if (hf_host_reload(host, &why) != HF_OK) {
		struct hf_str rest = hf_str(hf_note_text(&why));

		while (rest.size) {
			struct hf_str line = hf_str_split(&rest, '\n');

			hf_error(&host->log, "reload-refused %.*s", HF_STR_ARG(line));
		}
	}
	hf_note_fini(&why);
	hf_notify("READY=1");
}

/* Until it is time to end. */
static void attend(struct hf_host *host, int signals)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = signals, .events = POLLIN },
					 { .fd = host->exit_request, .events = POLLIN } };
		struct signalfd_siginfo info;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			hf_info(&host->log, "stop by=hfctl");
			return;
		}
		if (read(signals, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo == SIGHUP) {
			reload(host);
		} else if (info.ssi_signo != SIGUSR1) {
			hf_info(&host->log, "stop by=signal signal=%u", info.ssi_signo);
			return;
		}
	}
}

static bool start(struct hf_host *host, struct hf_note *why)
{
	struct hf_identity identity;
	const struct hf_setup *setup = host->setup;

	if (!hf_identity_find(setup->host.top.user, setup->host.top.group, &identity, why) ||
	    hf_host_bind(host, why) != HF_OK)
		return false;
	make_directory(setup, &identity);
	if (hf_identity_assume(&identity, why) != HF_OK)
		return false;
	if (geteuid() == 0)
		hf_warning(&host->log, "running-as-root set 'user' in the configuration");
	return hf_host_open(host, true, why) == HF_OK;
}

/* By default each message that comes in takes memory from the system and gives it back, a system call and a fault for every
 * few pages. So much of what is free at the end of an arena is kept for the next one. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	mallopt(M_TOP_PAD, 256 << 10);
}

int hf_daemon_run(const char *path)
{
	struct hf_loader *loader = hf_loader_new();
	struct hf_setup *setup = read_setup(path, loader);
	struct hf_note why = HF_NOTE_INIT;
	struct hf_host *host;
	sigset_t set;
	int signals;
	bool started;

	if (!setup) {
		hf_loader_free(&loader);
		return HF_EXIT_CONFIG;
	}
	keep_memory();
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL); /* before any thread */
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	raise_descriptors();
	hf_host_log_setup(setup);
	host = hf_host_new(&setup, loader);
	host->config_path = realpath(path, NULL);
	started = start(host, &why);
	if (started) {
		hf_host_serve(host);
		hf_info(&host->log, "ready pid=%ld", (long)getpid());
		hf_notify("READY=1");
		attend(host, signals);
		hf_notify("STOPPING=1");
	} else {
		print_note(&why);
	}
	hf_host_stop(host);
	hf_info(&host->log, "ended");
	hf_host_free(&host);
	hf_note_fini(&why);
	close(signals);
	return started ? HF_EXIT_OK : HF_EXIT_FAILED;
}
