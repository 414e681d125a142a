/* SPDX-License-Identifier: BSD-2-Clause */
/* hfctl's own parts. The daemon knows the verbs; hfctl asks it for them and has none of its own. */
#ifndef HF_TOOLS_HFCTL_H
#define HF_TOOLS_HFCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit codes. */
enum { CTL_OK = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_TEMPORARY = 75 };

/* hfctl_client.c: one request, its reply
 * ---------------------------------------------------------------------------- */

struct ctl_client {
	const char *socket;
	bool quiet; /* no progress on stderr */
};

/* Sends {"verb": verb, ...request} and waits for the reply. CTL_OK, or another exit code with the
 * reason on stderr; *result is a new reference or NULL for none, and may be there in both cases.
 * `request` may be NULL. */
int ctl_call(const struct ctl_client *client, const char *verb, json_t *request, json_t **result);

/* hfctl_verb.c: the daemon's verbs, and command lines made into requests
 * -------------------------------------------- */

/* A verb as the daemon describes it; the strings belong to the list. */
struct ctl_verb {
	const char *name, *usage, *help;
	size_t words; /* of the name */
};
/* The verb that `words` begin with, the longest of them; false when there is none. `list` is what
 * the daemon answers to "help". */
bool ctl_verb_find(const json_t *list, char *const *words, size_t count, struct ctl_verb *verb);
/* Prints the verbs that begin with these words; false when there are none. */
bool ctl_verbs_print(const json_t *list, char *const *words, size_t count, FILE *out);
void ctl_verb_print(const struct ctl_verb *verb, FILE *out);
/* Whether the usage names the option; *takes_value: a value follows it. */
bool ctl_usage_has(const char *usage, const char *option, bool *takes_value);
/* Arguments and options behind the verb as {"args": [...], "option": value...}; NULL after a
 * message. */
json_t *ctl_request_new(const struct ctl_verb *verb, char *const *words, size_t count);

/* hfctl_password.c: passwords, never on a command line
 * --------------------------------------------------------------- */

/* A verb whose usage has --password-stdin needs a password: adds "password" to the request, read
 * from a terminal without echo, or from stdin when the request says so. CTL_OK or an exit code
 * after a message. */
int ctl_password_add(const struct ctl_verb *verb, json_t *request);
/* --from FILE: lines of name, tab, password become requests of many users each. */
int ctl_password_file(const struct ctl_client *client, const struct ctl_verb *verb,
		      const char *path);

/* hfctl_print.c: results for people
 * ---------------------------------------------------------------------------------- */

void ctl_print(json_t *result, FILE *out);
void ctl_print_json(json_t *result, FILE *out);

/* hfctl_postfix.c: `postfix --apply` runs here, where the rights are, and not in the daemon
 * --------------------------- */

/* The settings of the daemon's answer as lines of main.cf. */
void ctl_postfix_print(const json_t *result, FILE *out);
/* Hands the settings of the daemon's answer to postconf. */
int ctl_postfix_apply(const json_t *result, const char *config_directory);

#endif
