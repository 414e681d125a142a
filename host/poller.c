/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread for what is neither a connection's turn nor long: it takes control connections in, sees
 * certificates change, lets paused listeners accept again, and feeds systemd's watchdog as long as
 * turns are given. */
#include "host/host_priv.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "host/tls_priv.h"

enum { TICK_MS = 1000, TLS_EVERY_MS = 3000 };

struct hf_poller {
	struct hf_host *host;
	pthread_t thread;
	int stop; /* eventfd */
	uint64_t watchdog_ms, watchdog_last, tls_last, turns_last;
};

static void look_at_files(struct hf_host *host)
{
	struct hf_tls *now, *fresh;
	struct hf_note why = HF_NOTE_INIT;

	pthread_mutex_lock(&host->reload_lock);
	pthread_mutex_lock(&host->lock);
	now = host->tls ? hf_tls_ref(host->tls) : NULL;
	pthread_mutex_unlock(&host->lock);
	if (now && hf_tls_is_stale(now)) {
		fresh = hf_tls_again(now, &why);
		if (fresh) {
			pthread_mutex_lock(&host->lock);
			hf_tls_unref(&host->tls);
			host->tls = fresh;
			pthread_mutex_unlock(&host->lock);
			host->tls_complained = false;
			hf_info(&host->log, "tls-reloaded");
		} else if (!host->tls_complained) { /* perhaps half of the files is there: look
						       again later */
			host->tls_complained = true;
			hf_error(&host->log, "tls-reload-failed kept=old reason=%s",
				 hf_log_quote(hf_str(hf_note_text(&why))));
		}
	}
	pthread_mutex_unlock(&host->reload_lock);
	hf_tls_unref(&now);
	hf_note_fini(&why);
}

static void resume_listeners(struct hf_host *host)
{
	pthread_mutex_lock(&host->lock);
	for (struct hf_listener *listener = host->listeners; listener; listener = listener->next)
		hf_listener_resume(listener);
	pthread_mutex_unlock(&host->lock);
}

static void feed_watchdog(struct hf_poller *poller, uint64_t now)
{
	uint64_t turns = atomic_load(&poller->host->sched.turns);

	if (!poller->watchdog_ms || now - poller->watchdog_last < poller->watchdog_ms)
		return;
	if (hf_sched_length(&poller->host->sched) && turns == poller->turns_last)
		hf_error(&poller->host->log, "watchdog no turn was given since the last look");
	else
		hf_notify("WATCHDOG=1");
	poller->watchdog_last = now;
	poller->turns_last = turns;
}

static void *run(void *arg)
{
	struct hf_poller *poller = arg;
	struct hf_host *host = poller->host;

	for (;;) {
		struct pollfd fds[2] = { { .fd = poller->stop, .events = POLLIN },
					 { .fd = host->control ? hf_control_fd(host->control) : -1,
					   .events = POLLIN } };
		uint64_t now;
		int timeout = poller->watchdog_ms && poller->watchdog_ms < TICK_MS
				      ? (int)poller->watchdog_ms
				      : TICK_MS;

		if (poll(fds, 2, timeout) < 0 && errno != EINTR)
			hf_error(&host->log, "poll error=%d", errno);
		if (fds[0].revents)
			return NULL;
		if (fds[1].revents)
			hf_control_accept(host, host->control);
		now = hf_now_ms();
		feed_watchdog(poller, now);
		if (now - poller->tls_last >= TLS_EVERY_MS) {
			poller->tls_last = now;
			look_at_files(host);
			resume_listeners(host);
		}
	}
}

struct hf_poller *hf_poller_new(struct hf_host *host)
{
	struct hf_poller *poller = hf_alloc_zero(sizeof(*poller));

	poller->host = host;
	poller->stop = eventfd(0, EFD_CLOEXEC);
	poller->watchdog_ms = hf_notify_watchdog_ms();
	poller->tls_last = hf_now_ms();
	hf_assert(poller->stop >= 0 && pthread_create(&poller->thread, NULL, run, poller) == 0);
	pthread_setname_np(poller->thread, "hf-poller");
	return poller;
}

void hf_poller_free(struct hf_poller **poller)
{
	uint64_t one = 1;

	if (!*poller)
		return;
	hf_assert(write((*poller)->stop, &one, sizeof(one)) == sizeof(one));
	pthread_join((*poller)->thread, NULL);
	close((*poller)->stop);
	hf_free(*poller);
	*poller = NULL;
}
