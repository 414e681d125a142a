/* SPDX-License-Identifier: BSD-2-Clause */
/* One leaf's body, decoded in pieces: transfer encoding (RFC 2045 §6), then for text the charset.
 */
#include "message/text.h"

#include "base/encode.h"
#include "base/mem.h"
#include "message/charset_priv.h"
#include "message/header_priv.h"

struct hf_body_decoder {
	enum hf_cte cte;
	bool text;
	struct hf_decoder decoder;
	struct hf_charset_stream charset;
	struct hf_buf octets; /* between the two stages */
};

enum hf_status hf_body_decoder_new(const struct hf_part *part, bool to_utf8,
				   struct hf_body_decoder **decoder)
{
	struct hf_body_decoder *d;

	if (part->cte == HF_CTE_UNKNOWN)
		return HF_EUNKNOWNCTE;
	d = hf_alloc_zero(sizeof(*d));
	d->cte = part->cte;
	d->text = to_utf8 && hf_str_ieq(part->type, HF_STR("text"));
	if (d->text)
		hf_charset_stream_init_lenient(
			&d->charset,
			hf_param_get(part->params, part->param_count, HF_STR("charset")));
	*decoder = d;
	return HF_OK;
}

static void transfer_decode(struct hf_body_decoder *d, struct hf_str raw, struct hf_buf *out)
{
	if (d->cte == HF_CTE_BASE64)
		hf_base64_feed(&d->decoder, raw, out);
	else if (d->cte == HF_CTE_QP)
		hf_qp_feed(&d->decoder, raw, out);
	else
		hf_buf_add_str(out, raw);
}

void hf_body_decoder_feed(struct hf_body_decoder *decoder, struct hf_str raw, struct hf_buf *out)
{
	if (!decoder->text) {
		transfer_decode(decoder, raw, out);
	} else if (decoder->cte == HF_CTE_BASE64 || decoder->cte == HF_CTE_QP) {
		hf_buf_clear(&decoder->octets);
		transfer_decode(decoder, raw, &decoder->octets);
		hf_charset_stream_feed(&decoder->charset, hf_buf_str(&decoder->octets), out);
	} else {
		hf_charset_stream_feed(&decoder->charset, raw, out);
	}
}

void hf_body_decoder_end(struct hf_body_decoder *decoder, struct hf_buf *out)
{
	struct hf_buf *to = decoder->text ? &decoder->octets : out;

	hf_buf_clear(&decoder->octets);
	if (decoder->cte == HF_CTE_BASE64)
		hf_base64_end(&decoder->decoder, to);
	else if (decoder->cte == HF_CTE_QP)
		hf_qp_end(&decoder->decoder, to);
	if (decoder->text) {
		hf_charset_stream_feed(&decoder->charset, hf_buf_str(&decoder->octets), out);
		hf_charset_stream_end(&decoder->charset, out);
	}
}

void hf_body_decoder_free(struct hf_body_decoder **decoder)
{
	struct hf_body_decoder *d = *decoder;

	if (!d)
		return;
	if (d->text) {
		struct hf_buf rest = HF_BUF_INIT;

		hf_charset_stream_end(
			&d->charset,
			&rest); /* gives the converter back; nothing when already ended */
		hf_buf_fini(&rest);
	}
	hf_buf_fini(&d->octets);
	hf_free(d);
	*decoder = NULL;
}
