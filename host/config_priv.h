/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: a file read by libconfig, rows of options that say what may stand in it, and
 * structs that they fill. */
#ifndef HF_HOST_CONFIG_PRIV_H
#define HF_HOST_CONFIG_PRIV_H

#include <libconfig.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/note.h"
#include "host/module.h"
#include "storage/store.h"

/* option.c: one option -------------------------------------------------------- */

/* Reads `text` as the option's type into its place in `settings`; strings go to the arena. false
 * with a reason in `why`. */
bool hf_option_parse(const struct hf_option *option, const char *text, struct hf_arena *arena,
		     void *settings, struct hf_buf *why);
/* The value as it would be written in a configuration file ("none" when there is none). */
void hf_option_format(const struct hf_option *option, const void *settings, struct hf_buf *out);
bool hf_option_equal(const struct hf_option *option, const void *a, const void *b);
void hf_option_defaults(const struct hf_option *options, struct hf_arena *arena, void *settings);
/* What the option takes: "a size", "one of: stderr, syslog". */
void hf_option_expects(const struct hf_option *option, struct hf_buf *out);
void *hf_option_place(const struct hf_option *option, void *settings);
/* The word nearest to `word` by edits, or NULL when none is near. */
struct hf_nearest {
	const char *word, *best;
	unsigned distance;
};
void hf_nearest_init(struct hf_nearest *nearest, const char *word);
void hf_nearest_try(struct hf_nearest *nearest, const char *candidate);

/* config.c: the file ---------------------------------------------------------- */

struct hf_config {
	config_t file;
	const char *path; /* as given; for messages */
	char *owned;
};

/* NULL with reasons in `why`: cannot be read, syntax error, duplicate. */
struct hf_config *hf_config_open(const char *path, struct hf_note *why);
struct hf_config *hf_config_open_text(const char *text, const char *name, struct hf_note *why);
void hf_config_close(struct hf_config **config);
config_setting_t *hf_config_root(struct hf_config *config);
/* Adds "file:line: message" to `why`. `at` may be NULL: the file alone. */
void hf_config_error(const struct hf_config *config, const config_setting_t *at,
		     struct hf_note *why, const char *fmt, ...) HF_PRINTF(4, 5);
/* Fills `settings` from `group` (NULL: all defaults). Members that are neither in `options` nor in
 * `others` (NULL-terminated, may be NULL) are errors. `section` is for messages ("store", "" at the
 * top). */
void hf_config_fill(const struct hf_config *config, const config_setting_t *group,
		    const char *section, const struct hf_option *options, const char *const *others,
		    struct hf_arena *arena, void *settings, struct hf_note *why);

/* loader.c: modules ----------------------------------------------------------- */

struct hf_loader;
struct hf_loader *hf_loader_new(void);
void hf_loader_free(struct hf_loader **loader);
/* A module that is linked in (tests). */
void hf_loader_add(struct hf_loader *loader, const struct hf_module *module);
void hf_loader_directories(struct hf_loader *loader, const char *const *directories);
/* Loads it, or gives the one loaded before. NULL with the reason, which names the file. */
const struct hf_module *hf_loader_get(struct hf_loader *loader, const char *name,
				      struct hf_note *why);

/* settings_host.c, setup.c: everything read ----------------------------------- */

struct hf_listen_settings {
	const char *module, *service, *address;
	bool tls;
	const char *owner, *group, *mode;
	const char *where; /* "file:line" */
};

struct hf_sni_settings {
	const char *name, *certificate, *key;
};

struct hf_tls_settings {
	const char *certificate, *key, *client_ca, *ciphers;
	int min_version; /* index in "1.2|1.3" */
	struct hf_sni_settings *sni;
	size_t sni_count;
};

/* Addresses that begin alike; IPv4 as ::ffff:a.b.c.d. */
struct hf_network {
	uint8_t bytes[16];
	unsigned bits;
};

/* "192.0.2.0/24", "2001:db8::/32", or one address. False: it is neither. endpoint.c */
bool hf_network_parse(const char *text, struct hf_network *network);

struct hf_limits_settings {
	const char *const *exempt_texts; /* as written */
	struct hf_network *exempt;	 /* as read */
	size_t exempt_count;
	int64_t connections, per_address, per_user, waiting, workers, helpers;
	uint64_t silent_after, write_timeout, handshake_timeout, linger, stop_timeout; /* ms */
};

struct hf_host_settings {
	struct {
		const char *hostname, *user, *group;
	} top;
	struct {
		const char *directory;
		uint64_t cache, facts, reserve, ballast, body_file, checkpoint, checkpoint_every, kept,
			delivered;
		int64_t annotations_max;
		uint64_t annotations_size, annotations_user_size;
		int64_t acl_entries;
		const char *const *retention; /* as written */
		uint64_t retention_every;
		struct hf_retention_rule *rules; /* as read */
		size_t rule_count;
		const char *shared_rights; /* hf_shared_rights() */
		bool compact, flags_relaxed;
	} store;
	struct hf_tls_settings tls;
	struct {
		const char *socket, *group;
	} control;
	struct {
		int destination, level;
	} log;
	struct hf_limits_settings limits;
	struct {
		const char *source, *saslauthd, *mechanisms;
		uint64_t saslauthd_timeout, verifier;
		const char *const *options, *const *admins;
		bool allow_plaintext;
		int64_t iterations;
	} auth;
	struct {
		const char *const *directory;
	} modules;
	struct hf_listen_settings *listen;
	size_t listen_count;
};

/* A section of struct hf_host_settings. */
struct hf_section {
	const char *name; /* "" for the top */
	const char *help;
	const struct hf_option *options;
	size_t offset;
};
extern const struct hf_section hf_host_sections[]; /* ended by a NULL name */
extern const struct hf_option hf_listen_options[], hf_sni_options[];

/* A module's settings: immutable, shared by the host and the connections that began with them. */
struct hf_snapshot {
	_Atomic unsigned refs;
	struct hf_arena *arena;
	void *data;
};
void hf_snapshot_ref(struct hf_snapshot *snapshot);
void hf_snapshot_unref(struct hf_snapshot **snapshot);

struct hf_setup_module {
	const char *name;
	const struct hf_module *module; /* NULL: missing, see `missing` */
	struct hf_snapshot *snapshot;
};

/* A configuration read whole. */
struct hf_setup {
	struct hf_config *config;
	struct hf_arena *arena;
	struct hf_host_settings host;
	struct hf_setup_module *modules; /* those that listeners or sections name */
	size_t module_count;
	struct hf_note missing; /* modules that could not be loaded: the others are served */
};

/* Reads and checks all of it: types, ranges, unknown keys, module->check. NULL when `why` has got
 * an error. Closes the configuration. */
struct hf_setup *hf_setup_new(struct hf_config **config, struct hf_loader *loader,
			      struct hf_note *why);
void hf_setup_free(struct hf_setup **setup);
const struct hf_setup_module *hf_setup_find(const struct hf_setup *setup, const char *name);
void hf_setup_store(const struct hf_setup *setup, struct hf_store_settings *settings);

/* retention.c: "NAME = TIME" or "\\USE = TIME". false with a reason in `why`. */
bool hf_retention_rule_parse(const char *text, struct hf_arena *arena,
			     struct hf_retention_rule *rule, struct hf_buf *why);
/* A time of retention, in seconds. */
bool hf_retention_time_parse(const char *text, uint32_t *s, struct hf_buf *why);
/* "30 d"; "off" for 0. In the arena. */
const char *hf_retention_time_text(struct hf_arena *arena, uint32_t s);
/* verbs_mailbox.c: a special use by its name without backslash, in any case; 0: there is none. */
uint32_t hf_special_use_find(struct hf_str name);
const char *hf_special_use_name(uint32_t special_use); /* of one: "trash" */

/* show.c, check.c, sample.c --------------------------------------------------- */

void hf_setup_show(const struct hf_setup *setup, FILE *out);
/* What can be found out without starting: files readable by the user that the daemon becomes,
 * directories, addresses. */
void hf_setup_check(const struct hf_setup *setup, struct hf_note *why);
void hf_sample_print(struct hf_loader *loader, FILE *out);
void hf_options_doc_print(struct hf_loader *loader, FILE *out);

#endif
