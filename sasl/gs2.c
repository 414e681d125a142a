/* SPDX-License-Identifier: BSD-2-Clause */
/* The GS2 header before a SCRAM client-first message: which channel binding the client asks for.
 * Only the flag is read here; the rest of the message is the mechanism's business. */
#include "sasl/sasl_priv.h"

/* cb-name = 1*(ALPHA / DIGIT / "." / "-"), RFC 5801 §4 */
static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-';
}

bool hf_gs2_parse(struct hf_str client, struct hf_gs2 *gs2)
{
	size_t i = 2;

	if (client.size < 2)
		return false;
	switch (client.data[0]) {
	case 'n':
	case 'y':
		if (client.data[1] != ',')
			return false;
		*gs2 = (struct hf_gs2){ client.data[0], HF_STR_NULL };
		return true;
	case 'p':
		if (client.data[1] != '=')
			return false;
		while (i < client.size && is_name_char(client.data[i]))
			i++;
		if (i == 2 || i == client.size || client.data[i] != ',')
			return false;
		*gs2 = (struct hf_gs2){ 'p', hf_str_sub(client, 2, i - 2) };
		return true;
	default:
		return false;
	}
}
