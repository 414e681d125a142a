/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated power cut, in a program that has powercut.c as one of its own files. Writes to regular files stay in memory, in blocks of 4096 octets, until their file is synced; at
 * the cut a random half of the blocks that are not synced yet reaches the files, and the process ends. It assumes that a
 * block is written whole or not at all, that directories last, and that a file that has grown survives with zeros.
 * What is read is seen as it was written. */
#ifndef HF_TESTS_POWERCUT_H
#define HF_TESTS_POWERCUT_H

#include <stdint.h>

/* Before the store is opened. Syncing a file takes `sync_us` microseconds, as a disk would. */
void powercut_install(uint64_t seed, unsigned sync_us);
/* From any thread. Does not return; the exit status is 99. */
_Noreturn void powercut_now(void);

#endif
