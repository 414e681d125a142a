/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequence sets: the first octet chooses '*', the rest is the text. What parses is well formed, and
 * its text parses to the same set. */
#include "base/assert.h"
#include "base/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(const struct hf_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		hf_assert(set->ranges[i].first >= 1);
		hf_assert(set->ranges[i].first <= set->ranges[i].last);
		hf_assert(i == 0 || set->ranges[i].first - 1 > set->ranges[i - 1].last);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t stars[] = { 0, 1, 7, 1000, UINT32_MAX };
	struct hf_set set = HF_SET_INIT, again = HF_SET_INIT;
	struct hf_buf text = HF_BUF_INIT;
	struct hf_str in;

	if (size == 0)
		return 0;
	in = hf_str_n(data + 1, size - 1);
	if (hf_set_parse(in, stars[data[0] % HF_COUNT(stars)], 1000, &set) == HF_OK) {
		check_form(&set);
		hf_set_format(&set, &text);
		if (!hf_set_is_empty(&set))
			hf_assert(hf_set_parse(hf_buf_str(&text), 0, 1000, &again) == HF_OK);
		hf_assert(again.count == set.count && hf_set_size(&again) == hf_set_size(&set));
		hf_set_subtract(&again, &set);
		hf_assert(hf_set_is_empty(&again));
	} else {
		hf_assert(hf_set_is_empty(&set));
	}
	hf_set_fini(&set);
	hf_set_fini(&again);
	hf_buf_fini(&text);
	return 0;
}
