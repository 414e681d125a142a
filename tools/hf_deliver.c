/* SPDX-License-Identifier: BSD-2-Clause */
/* hf-deliver: a message from standard input to a local LMTP server, for Postfix's pipe(8),
 * mailbox_command and scripts. One transaction; what the exit status says decides whether the MTA
 * keeps the message, so any trouble of ours is EX_TEMPFAIL. */
#include "config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "tools/hf_deliver.h"

static const char usage[] =
	"usage: hf-deliver [-f SENDER] [-s unix:PATH|HOST:PORT] [-t SECONDS] [--] RECIPIENT...\n"
	"\n"
	"Delivers the message on standard input over LMTP.\n"
	"\n"
	"  -f, --from SENDER      envelope sender (default: none, <>)\n"
	"  -s, --socket ADDRESS   the server (else $HOLDFAST_LMTP, else unix:" HF_RUNDIR "/lmtp)\n"
	"  -t, --timeout SECONDS  how long to wait for each reply (default 300)\n"
	"\n"
	"Exit status: 0 delivered to all, 67 no such user, 65 refused for good, 75 try again, 64 usage.\n";

/* An address that could end the command line that it is put into, or the path, is none. */
static bool address_ok(const char *address)
{
	const unsigned char *p = (const unsigned char *)address;

	for (; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return strlen(address) <= 512;
}

/* "<user@example.org>" is taken as "user@example.org". */
static char *bare(char *address)
{
	size_t size = strlen(address);

	if (size < 2 || address[0] != '<' || address[size - 1] != '>')
		return address;
	address[size - 1] = '\0';
	return address + 1;
}

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "hf-deliver: %s%s\n%s", what, value, usage);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "socket", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *environment = getenv("HOLDFAST_LMTP");
	struct deliver d = { .address = environment && *environment ? environment
								    : "unix:" HF_RUNDIR "/lmtp",
			     .sender = "",
			     .timeout_s = 300 };
	uint64_t seconds;
	int option, i;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+f:s:t:hV", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			d.sender = bare(optarg);
			break;
		case 's':
			d.address = optarg;
			break;
		case 't':
			if (!hf_str_u64(hf_str(optarg), 86400, &seconds) || !seconds)
				return usage_error("not a number of seconds: ", optarg);
			d.timeout_s = (unsigned)seconds;
			break;
		case 'h':
			fputs(usage, stdout);
			return EX_OK;
		case 'V':
			puts("hf-deliver (Holdfast) " PACKAGE_VERSION);
			return EX_OK;
		default:
			return usage_error("unknown option, or one without its value: ",
					   argv[optind - 1]);
		}
	}
	if (optind == argc)
		return usage_error("no recipient", "");
	if (!address_ok(d.sender))
		return usage_error("malformed sender: ", d.sender);
	d.recipients = argv + optind;
	d.count = (size_t)(argc - optind);
	for (i = optind; i < argc; i++) {
		argv[i] = bare(argv[i]);
		if (!*argv[i] || !address_ok(argv[i]))
			return usage_error("malformed recipient: ", argv[i]);
	}
	return deliver(&d, stdin);
}
