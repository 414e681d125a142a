/* SPDX-License-Identifier: BSD-2-Clause */
/* Time. Wall clock in seconds since 1970 (int64_t), monotonic in milliseconds or microseconds. */
#ifndef HF_BASE_CLOCK_H
#define HF_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"

HF_API int64_t hf_now_s(void);       /* wall clock */
HF_API uint64_t hf_now_ms(void);     /* monotonic */
HF_API uint64_t hf_now_us(void);     /* monotonic */

/* " 7-Feb-1994 21:52:25 -0800" without quotes, RFC 9051 date-time. Written in the local zone of the process (UTC when TZ says so). */
HF_API void hf_date_format_internal(int64_t when, struct hf_buf *out);
/* The same text back; also without the leading space, day of one digit. Years 0001 to 9999. */
HF_API bool hf_date_parse_internal(struct hf_str text, int64_t *when);
/* "7-Feb-1994" (RFC 9051 date) to days since 1970-01-01. */
HF_API bool hf_date_parse_day(struct hf_str text, int32_t *day);
/* "Mon, 7 Feb 1994 21:52:25 -0800 (PST)" for Received lines. */
HF_API void hf_date_format_rfc5322(int64_t when, struct hf_buf *out);
/* Proleptic Gregorian. */
HF_API int64_t hf_date_days(int year, int month, int day);
HF_API void hf_date_from_days(int64_t days, int *year, int *month, int *day);
/* Offset of local time from UTC at `when`, seconds. */
HF_API int hf_date_local_offset(int64_t when);

#endif
