/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HF_MESSAGE_FOLD_PRIV_H
#define HF_MESSAGE_FOLD_PRIV_H

#include "base/str.h"

/* Room that the folded form of one character needs at most: U+FDFA gives 18 characters. */
#define HF_FOLD_MAX 96

/* Folds characters off the front of *in into `out` as long as HF_FOLD_MAX octets are free; returns
 * the octets written. */
size_t hf_fold_some(struct hf_str *in, char *out, size_t room);

#endif
