/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's own settings: one row each. Parsing, --show, the sample and the manual page follow from the rows. */
#include "host/config_priv.h"

#include <stddef.h>

#define KIB 1024ll
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND 1000ll
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define settings struct hf_host_settings

#define AT(section, member) (offsetof(settings, section.member) - offsetof(settings, section))

static const struct hf_option top_options[] = {
	{ .name = "hostname", .type = HF_OPT_STRING, .offset = AT(top, hostname), .restart = true,
	  .help = "The name this server gives itself in greetings and trace lines; default: the system's." },
	{ .name = "user", .type = HF_OPT_STRING, .offset = AT(top, user), .restart = true,
	  .help = "Started as root, the daemon becomes this user once its sockets are bound." },
	{ .name = "group", .type = HF_OPT_STRING, .offset = AT(top, group), .restart = true,
	  .help = "And this group; default: the user's own." },
	{ .name = NULL }
};

static const struct hf_option store_options[] = {
	{ .name = "directory", .type = HF_OPT_STRING, .fallback = HF_LOCALSTATEDIR, .offset = AT(store, directory), .restart = true,
	  .help = "Where all mail and accounts are." },
	{ .name = "cache", .type = HF_OPT_SIZE, .fallback = "0", .max = 1024 * GIB, .offset = AT(store, cache), .restart = true,
	  .help = "Database cache; 0: a quarter of the memory, between 256 MiB and 8 GiB." },
	{ .name = "reserve", .type = HF_OPT_SIZE, .fallback = "256 MiB", .max = 1024 * GIB, .offset = AT(store, reserve), .restart = true,
	  .help = "Free disk space below which nothing more is written." },
	{ .name = "ballast", .type = HF_OPT_SIZE, .fallback = "64 MiB", .max = 16 * GIB, .offset = AT(store, ballast), .restart = true,
	  .help = "Space held back so that recovery can run on a full disk." },
	{ .name = "body_file", .type = HF_OPT_SIZE, .fallback = "256 GiB", .min = 16 * MIB, .max = 16384 * GIB,
	  .offset = AT(store, body_file), .restart = true, .help = "Size after which a new file of message content begins." },
	{ .name = "checkpoint", .type = HF_OPT_SIZE, .fallback = "64 MiB", .min = MIB, .max = 16 * GIB,
	  .offset = AT(store, checkpoint), .restart = true, .help = "Log written between two checkpoints; recovery reads at most twice this." },
	{ .name = "checkpoint_every", .type = HF_OPT_DURATION, .fallback = "60 s", .min = SECOND, .max = HOUR,
	  .offset = AT(store, checkpoint_every), .restart = true, .help = "A checkpoint is made at least this often." },
	{ .name = "kept", .type = HF_OPT_DURATION, .fallback = "7 d", .max = 3650 * DAY, .offset = AT(store, kept), .restart = true,
	  .help = "How long an expunged message can be brought back; 0: not at all." },
	{ .name = "delivered", .type = HF_OPT_DURATION, .fallback = "6 d", .max = 365 * DAY, .offset = AT(store, delivered), .restart = true,
	  .help = "How long a repeated delivery of the same message is recognised; 0: never." },
	{ .name = "flags_relaxed", .type = HF_OPT_BOOL, .fallback = "false", .offset = AT(store, flags_relaxed), .restart = true,
	  .help = "Answer flag changes before they are flushed: faster, and up to a second of them may be lost in a power cut." },
	{ .name = NULL }
};

static const struct hf_option tls_options[] = {
	{ .name = "certificate", .type = HF_OPT_STRING, .offset = AT(tls, certificate),
	  .help = "PEM file: the server's certificate and those between it and the root. Without it there is no TLS." },
	{ .name = "key", .type = HF_OPT_STRING, .offset = AT(tls, key),
	  .help = "PEM file: its private key. Readable by the daemon's group if it is to be reloaded." },
	{ .name = "client_ca", .type = HF_OPT_STRING, .offset = AT(tls, client_ca),
	  .help = "PEM file of authorities whose client certificates allow SASL EXTERNAL." },
	{ .name = "min_version", .type = HF_OPT_ENUM, .choices = "1.2|1.3", .fallback = "1.2", .offset = AT(tls, min_version),
	  .help = "The oldest TLS version accepted." },
	{ .name = "ciphers", .type = HF_OPT_STRING, .offset = AT(tls, ciphers),
	  .help = "OpenSSL cipher list for TLS 1.2; default: the library's." },
	{ .name = NULL }
};

#undef AT
#define AT(section, member) offsetof(struct hf_sni_settings, member)
const struct hf_option hf_sni_options[] = {
	{ .name = "name", .type = HF_OPT_STRING, .offset = AT(sni, name),
	  .help = "The host name that the client asks for; *.example.org matches one level." },
	{ .name = "certificate", .type = HF_OPT_STRING, .offset = AT(sni, certificate), .help = "PEM file for that name." },
	{ .name = "key", .type = HF_OPT_STRING, .offset = AT(sni, key), .help = "PEM file: its private key." },
	{ .name = NULL }
};

#undef AT
#define AT(section, member) offsetof(struct hf_listen_settings, member)
const struct hf_option hf_listen_options[] = {
	{ .name = "module", .type = HF_OPT_STRING, .offset = AT(listen, module), .help = "The module that serves it: imap, lmtp." },
	{ .name = "service", .type = HF_OPT_STRING, .offset = AT(listen, service),
	  .help = "Which of its services, and the name in the log; default: the module's name." },
	{ .name = "address", .type = HF_OPT_STRING, .offset = AT(listen, address),
	  .help = "\"127.0.0.1:143\", \"[::1]:143\", \"*:143\" (all of IPv4 and IPv6) or \"unix:/path\"." },
	{ .name = "tls", .type = HF_OPT_BOOL, .fallback = "false", .offset = AT(listen, tls),
	  .help = "TLS from the first octet (imaps)." },
	{ .name = "owner", .type = HF_OPT_STRING, .offset = AT(listen, owner), .help = "Owner of a unix socket." },
	{ .name = "group", .type = HF_OPT_STRING, .offset = AT(listen, group), .help = "Its group." },
	{ .name = "mode", .type = HF_OPT_STRING, .fallback = "0660", .offset = AT(listen, mode), .help = "Its mode, in octal." },
	{ .name = NULL }
};

#undef AT
#define AT(section, member) (offsetof(settings, section.member) - offsetof(settings, section))

static const struct hf_option control_options[] = {
	{ .name = "socket", .type = HF_OPT_STRING, .fallback = HF_RUNDIR "/control", .offset = AT(control, socket), .restart = true,
	  .help = "The unix socket that hfctl uses." },
	{ .name = "group", .type = HF_OPT_STRING, .offset = AT(control, group), .restart = true,
	  .help = "Its members may use hfctl too; default: root and the daemon's own user and group only." },
	{ .name = NULL }
};

static const struct hf_option log_options[] = {
	{ .name = "destination", .type = HF_OPT_ENUM, .choices = "stderr|syslog", .fallback = "stderr", .offset = AT(log, destination),
	  .help = "Where the log goes; under systemd stderr is the journal." },
	{ .name = "level", .type = HF_OPT_ENUM, .choices = "critical|error|warning|info|debug", .fallback = "info",
	  .offset = AT(log, level), .help = "The least important level that is written." },
	{ .name = NULL }
};

static const struct hf_option limits_options[] = {
	{ .name = "connections", .type = HF_OPT_INT, .fallback = "50000", .min = 1, .max = 4000000, .offset = AT(limits, connections),
	  .help = "Connections in all." },
	{ .name = "per_address", .type = HF_OPT_INT, .fallback = "200", .max = 4000000, .offset = AT(limits, per_address),
	  .help = "Connections from one address (IPv6: one /64), loopback and unix sockets excepted; 0: no limit." },
	{ .name = "per_user", .type = HF_OPT_INT, .fallback = "100", .max = 4000000, .offset = AT(limits, per_user),
	  .help = "Connections logged in as one user; 0: no limit." },
	{ .name = "waiting", .type = HF_OPT_INT, .fallback = "2000", .max = 4000000, .offset = AT(limits, waiting),
	  .help = "Connections not logged in, loopback and unix sockets excepted; 0: no limit." },
	{ .name = "workers", .type = HF_OPT_INT, .fallback = "0", .max = 1024, .offset = AT(limits, workers), .restart = true,
	  .help = "Worker threads; 0: one for each core, at least 2." },
	{ .name = "helpers", .type = HF_OPT_INT, .fallback = "16", .min = 1, .max = 1024, .offset = AT(limits, helpers), .restart = true,
	  .help = "Helper threads for what may wait long (authentication sources); started when needed." },
	{ .name = "write_timeout", .type = HF_OPT_DURATION, .fallback = "5 min", .min = SECOND, .max = DAY,
	  .offset = AT(limits, write_timeout), .help = "A client that takes nothing for so long is disconnected." },
	{ .name = "handshake_timeout", .type = HF_OPT_DURATION, .fallback = "30 s", .min = SECOND, .max = HOUR,
	  .offset = AT(limits, handshake_timeout), .help = "A TLS handshake must be over after this." },
	{ .name = "linger", .type = HF_OPT_DURATION, .fallback = "30 s", .min = SECOND, .max = HOUR, .offset = AT(limits, linger),
	  .help = "After the goodbye, how long a client may take to read what is still queued." },
	{ .name = "stop_timeout", .type = HF_OPT_DURATION, .fallback = "10 s", .max = HOUR, .offset = AT(limits, stop_timeout),
	  .help = "When the daemon stops, how long running commands may take to finish." },
	{ .name = NULL }
};

static const struct hf_option auth_options[] = {
	{ .name = "source", .type = HF_OPT_STRING, .fallback = "store", .offset = AT(auth, source), .restart = true,
	  .help = "Where accounts' passwords are: store, saslauthd, or an installed auxprop plug-in (sasldb, sql, ldapdb)." },
	{ .name = "mechanisms", .type = HF_OPT_STRING,
	  .fallback = "PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS EXTERNAL",
	  .offset = AT(auth, mechanisms), .restart = true, .help = "SASL mechanisms offered, where the connection allows them." },
	{ .name = "admins", .type = HF_OPT_LIST, .fallback = "", .offset = AT(auth, admins), .restart = true,
	  .help = "Users who may act as others (SASL authorisation identity)." },
	{ .name = "allow_plaintext", .type = HF_OPT_BOOL, .fallback = "false", .offset = AT(auth, allow_plaintext), .restart = true,
	  .help = "Allow passwords in clear without TLS from anywhere, not only on loopback." },
	{ .name = "iterations", .type = HF_OPT_INT, .fallback = "10000", .min = 10000, .max = 65536, .offset = AT(auth, iterations),
	  .restart = true, .help = "PBKDF2 rounds of new SCRAM secrets." },
	{ .name = "verifier", .type = HF_OPT_DURATION, .fallback = "10 min", .max = DAY, .offset = AT(auth, verifier), .restart = true,
	  .help = "How long a verified password is recognised again without the full computation; 0: never." },
	{ .name = "saslauthd", .type = HF_OPT_STRING, .fallback = "/run/saslauthd/mux", .offset = AT(auth, saslauthd), .restart = true,
	  .help = "saslauthd's socket." },
	{ .name = "saslauthd_timeout", .type = HF_OPT_DURATION, .fallback = "10 s", .min = 100, .max = HOUR,
	  .offset = AT(auth, saslauthd_timeout), .restart = true, .help = "How long to wait for its answer." },
	{ .name = "options", .type = HF_OPT_LIST, .fallback = "", .offset = AT(auth, options), .restart = true,
	  .help = "Further Cyrus SASL options, each \"name=value\" (sql_hostnames=..., ldapdb_uri=...)." },
	{ .name = NULL }
};

static const struct hf_option modules_options[] = {
	{ .name = "directory", .type = HF_OPT_LIST, .fallback = HF_MODULEDIR, .offset = AT(modules, directory), .restart = true,
	  .help = "Where modules (imap.so) are looked for, in this order." },
	{ .name = NULL }
};

const struct hf_section hf_host_sections[] = {
	{ "", "", top_options, offsetof(settings, top) },
	{ "store", "The mail store.", store_options, offsetof(settings, store) },
	{ "tls", "Certificates. Files that change are read again within seconds; more names: sni = ( { name; certificate; key; }, ... ).",
	  tls_options, offsetof(settings, tls) },
	{ "control", "The control socket.", control_options, offsetof(settings, control) },
	{ "log", "The log.", log_options, offsetof(settings, log) },
	{ "limits", "Limits and timeouts of the host; each module has its own besides.", limits_options, offsetof(settings, limits) },
	{ "auth", "How users prove who they are.", auth_options, offsetof(settings, auth) },
	{ "modules", "Loadable modules.", modules_options, offsetof(settings, modules) },
	{ NULL, NULL, NULL, 0 }
};
