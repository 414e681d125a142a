/* SPDX-License-Identifier: BSD-2-Clause */
/* A Date field: what is taken lies in the years 0 to 9999, and its zone within a day. */
#include "base/clock.h"
#include "tests/message/message_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t utc;
	int32_t zone;

	if (!hf_date_parse_rfc5322(hf_str_n(data, size), &utc, &zone))
		return 0;
	hf_assert(zone > -24 * 60 && zone < 24 * 60);
	hf_assert(utc >= (hf_date_days(0, 1, 1) - 1) * 86400 &&
		  utc <= (hf_date_days(9999, 12, 31) + 2) * 86400);
	return 0;
}
