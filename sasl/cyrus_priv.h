/* SPDX-License-Identifier: BSD-2-Clause */
/* The headers of Cyrus SASL. Ours is called sasl/sasl.h too and is found first, so theirs is asked for as the next
 * one of that name on the include path. */
#ifndef HF_SASL_CYRUS_PRIV_H
#define HF_SASL_CYRUS_PRIV_H

#include_next <sasl/sasl.h>
#include <sasl/saslplug.h>

#endif
