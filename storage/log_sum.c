/* SPDX-License-Identifier: BSD-2-Clause */
/* The checksum of Berkeley DB's log records and checked pages, by its own name: h = 33 h + octet. The library takes one octet at a
 * time, which is the greatest part of writing the log. It calls the function through the dynamic linker, and finds this one first, which
 * takes sixteen at a time and gives the same; where a library is linked so that it does not look, it uses its own, and nothing
 * differs but the time. Should a library sum otherwise, its own function is called after all. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "storage/env_priv.h"

struct __db; /* NOLINT: the library's names */
HF_API uint32_t __ham_func4(struct __db *db, const void *data, uint32_t size); /* NOLINT */

typedef uint32_t sum_fn(struct __db *db, const void *data, uint32_t size);

/* The library's, once log_sum_init() has found that it sums otherwise. */
static sum_fn *other;

/* 33^2, 33^4, and so on. */
#define P2 1089u
#define P4 (P2 * P2)
#define P8 (P4 * P4)
#define P16 (P8 * P8)

/* The sum of eight octets, pairs first, in lanes that hold them. */
static uint32_t sum_of_8(const uint8_t *octets)
{
	const uint64_t lanes8 = UINT64_C(0x00ff00ff00ff00ff), lanes16 = UINT64_C(0x0000ffff0000ffff);
	uint64_t x = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&x, octets, sizeof(x));
#else
	for (unsigned i = 0; i < 8; i++)
		x |= (uint64_t)octets[i] << 8 * i;
#endif
	x = (x & lanes8) * 33 + (x >> 8 & lanes8);
	x = (x & lanes16) * P2 + (x >> 16 & lanes16);
	return (uint32_t)x * P4 + (uint32_t)(x >> 32);
}

uint32_t __ham_func4(struct __db *db, const void *data, uint32_t size) /* NOLINT */
{
	const uint8_t *at = data;
	uint32_t sum = 0;

	if (HF_UNLIKELY(other != NULL))
		return other(db, data, size);
	for (; size >= 16; size -= 16, at += 16)
		sum = sum * P16 + (sum_of_8(at) * P8 + sum_of_8(at + 8));
	for (; size; size--)
		sum = sum * 33 + *at++;
	return sum;
}

static void compare(void)
{
	uint8_t sample[61];
	sum_fn *library;

	*(void **)&library = dlsym(RTLD_NEXT, "__ham_func4");
	for (size_t i = 0; i < sizeof(sample); i++)
		sample[i] = (uint8_t)(i * 37 + 250);
	if (library && library(NULL, sample, sizeof(sample)) != __ham_func4(NULL, sample, sizeof(sample)))
		other = library;
}

void log_sum_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, compare);
}
