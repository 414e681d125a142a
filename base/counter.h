/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters and gauges, registered by name, read with `hfctl stats`. Adding is lock-free. */
#ifndef HF_BASE_COUNTER_H
#define HF_BASE_COUNTER_H

#include <stdint.h>

#include "base/compiler.h"

struct hf_counter;

/* The same name gives the same counter. Names are "imap.commands", lower case, dots. Lives until exit. */
HF_API struct hf_counter *hf_counter_get(const char *name, const char *help);
HF_API void hf_counter_add(struct hf_counter *counter, int64_t n);
HF_API void hf_counter_set(struct hf_counter *counter, int64_t n);
HF_API int64_t hf_counter_value(const struct hf_counter *counter);
/* In order of name. */
HF_API void hf_counter_each(void (*fn)(void *arg, const char *name, const char *help, int64_t value), void *arg);

#endif
