/* SPDX-License-Identifier: BSD-2-Clause */
/* A host inside a test: no process of its own, modules linked in, connections over socket pairs. */
#ifndef HF_HOST_TESTING_H
#define HF_HOST_TESTING_H

#include <jansson.h>

#include "base/note.h"
#include "host/module.h"
#include "storage/store.h"

/* `modules` is NULL-terminated. `config` is the text of a configuration (NULL: empty; listeners in
 * it are bound). With a store directory the store is opened there and SASL beside it; with NULL
 * there is neither. NULL with the reasons in `why`. */
struct hf_host *hf_host_new_for_test(const char *store_directory, const char *config,
				     const struct hf_module *const *modules, struct hf_note *why);
/* The client's end of a new connection served by that module; blocking. -1: no such module. The
 * module sees a unix socket. */
int hf_host_add_socketpair(struct hf_host *host, const char *module, const char *service);
/* Implicit TLS on it (the configuration must name certificates). */
int hf_host_add_socketpair_tls(struct hf_host *host, const char *module, const char *service);
/* A control request and its reply, without a socket. */
json_t *hf_host_request_for_test(struct hf_host *host, const char *request);
/* Reload with another text. */
enum hf_status hf_host_reload_for_test(struct hf_host *host, const char *config,
				       struct hf_note *why);
/* An account with a password, as `hfctl user add` makes it. */
enum hf_status hf_host_add_user_for_test(struct hf_host *host, const char *name,
					 const char *password);
size_t hf_host_connections_for_test(struct hf_host *host);
/* Stops and frees. */
void hf_host_free_for_test(struct hf_host **host);

#endif
