/* SPDX-License-Identifier: BSD-2-Clause */
/* systemd's readiness protocol (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names.
 * Nothing without it. */
#include "host/host_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void hf_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t size = path ? strlen(path) : 0;
	int fd;

	if (size < 2 || size >= sizeof(un.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(un.sun_path, path, size);
	if (path[0] == '@') /* abstract */
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0)
		hf_warning(NULL, "sd-notify failed");
	close(fd);
}

uint64_t hf_notify_watchdog_ms(void)
{
	const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us;

	if (!text || !hf_str_u64(hf_str(text), UINT64_MAX, &us) ||
	    (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return us / 2000 ? us / 2000 : 1;
}
