/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, latencies, processor time of client and server, memory; one line of JSON for each run. */
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

static double begun, taken, client_begun, client_taken, server_begun, server_taken;
static uint64_t received_before, sent_before, resumed_before;
static double *latencies;
static size_t latency_count, latency_capacity;
static struct text notes;

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double own_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The server's processes: that of --server-pid and all below it. */
struct process {
	int pid, parent;
	double reaped; /* processor seconds of children that have ended */
	bool ours;
};

static bool read_process(int pid, struct process *process)
{
	char path[64], text[1024], *p;
	unsigned long cutime, cstime;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %lu %lu", &process->parent, &cutime, &cstime) != 3)
		return false;
	process->pid = pid;
	process->reaped = (double)(cutime + cstime) / (double)sysconf(_SC_CLK_TCK);
	process->ours = pid == opt.server_pid;
	return true;
}

static struct process *server_processes(size_t *count)
{
	struct process *list = NULL;
	size_t room = 0;
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool more = true;

	*count = 0;
	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (*count == room) {
			room = room ? room * 2 : 256;
			list = take(list, room * sizeof(*list));
		}
		*count += read_process(atoi(entry->d_name), &list[*count]);
	}
	if (proc)
		closedir(proc);
	while (more) {
		more = false;
		for (size_t i = 0; i < *count; i++)
			for (size_t k = 0; k < *count && !list[i].ours; k++)
				if (list[k].ours && list[i].parent == list[k].pid)
					list[i].ours = more = true;
	}
	return list;
}

static double server_cpu(void)
{
	size_t count;
	double sum = 0;
	struct process *list;

	if (!opt.server_pid)
		return 0;
	list = server_processes(&count);
	for (size_t i = 0; i < count; i++) {
		clockid_t id;
		struct timespec t;

		if (!list[i].ours)
			continue;
		sum += list[i].reaped;
		if (!clock_getcpuclockid(list[i].pid, &id) && !clock_gettime(id, &t))
			sum += (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
	}
	free(list);
	return sum;
}

/* KiB after "Name:" in a file of /proc. */
static double kib(const char *path, const char *name)
{
	char line[256];
	double value = 0;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atof(line + strlen(name) + 1);
	if (f)
		fclose(f);
	return value;
}

struct memory measure_memory(void)
{
	struct memory m = { .system = kib("/proc/meminfo", "MemTotal") - kib("/proc/meminfo", "MemAvailable"),
			    .own = kib("/proc/self/smaps_rollup", "Pss") };
	size_t count = 0;
	struct process *list = opt.server_pid ? server_processes(&count) : NULL;

	for (size_t i = 0; i < count; i++) {
		char path[64];

		if (!list[i].ours)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", list[i].pid);
		m.pss += kib(path, "Pss");
		m.processes++;
	}
	free(list);
	return m;
}

void measure_begin(void)
{
	latency_count = 0;
	received_before = conn_received;
	sent_before = conn_sent;
	resumed_before = conn_resumed;
	server_begun = server_cpu();
	client_begun = own_cpu();
	begun = now();
}

void measure_latency(double seconds)
{
	if (latency_count == latency_capacity) {
		latency_capacity = latency_capacity ? latency_capacity * 2 : 4096;
		latencies = take(latencies, latency_capacity * sizeof(*latencies));
	}
	latencies[latency_count++] = seconds;
}

void measure_end(void)
{
	taken = now() - begun;
	client_taken = own_cpu() - client_begun;
	server_taken = server_cpu() - server_begun;
}

void measure_note(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_add(&notes, text, strlen(text));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void measure_tell(double ops)
{
	static unsigned run;

	printf("{\"workload\":\"%s\",\"run\":%u,\"ops\":%.0f,\"seconds\":%.6f,\"ops_s\":%.3f,\"client_cpu_s\":%.4f,\"bytes\":%llu,\"bytes_sent\":%llu",
	       opt.workload, ++run, ops, taken, ops / taken, client_taken, (unsigned long long)(conn_received - received_before),
	       (unsigned long long)(conn_sent - sent_before));
	if (opt.server_pid)
		printf(",\"server_cpu_s\":%.4f", server_taken);
	if (opt.tls)
		printf(",\"resumed\":%llu", (unsigned long long)(conn_resumed - resumed_before));
	if (latency_count) {
		qsort(latencies, latency_count, sizeof(*latencies), by_size);
		printf(",\"p50_ms\":%.4f,\"p99_ms\":%.4f", latencies[latency_count / 2] * 1e3, latencies[latency_count * 99 / 100] * 1e3);
	}
	printf("%.*s}\n", (int)notes.size, notes.data ? notes.data : "");
	fflush(stdout);
	notes.size = 0;
}
