/* SPDX-License-Identifier: BSD-2-Clause */
/* What each status is called. */
#include "base/status.h"

static const char *const texts[HF_STATUS_COUNT] = {
	[HF_OK] = "ok",
	[HF_MORE] = "more to do",
	[HF_WAIT] = "waiting",
	[HF_ESYNTAX] = "syntax error",
	[HF_ENONEXISTENT] = "no such object",
	[HF_EEXISTS] = "already exists",
	[HF_ENOPERM] = "permission denied",
	[HF_EOVERQUOTA] = "over quota",
	[HF_ELIMIT] = "limit exceeded",
	[HF_ETOOBIG] = "too big",
	[HF_EINUSE] = "in use",
	[HF_ECANNOT] = "not possible with this object",
	[HF_EMODIFIED] = "modified meanwhile",
	[HF_EBADCHARSET] = "unknown charset",
	[HF_EUNKNOWNCTE] = "unknown transfer encoding",
	[HF_EINVALID] = "invalid value",
	[HF_EAUTH] = "authentication failed",
	[HF_EAUTHZ] = "authorization failed",
	[HF_EEXPIRED] = "expired",
	[HF_EUNAVAILABLE] = "temporarily unavailable",
	[HF_ECORRUPT] = "stored data is damaged",
	[HF_EIO] = "input/output error",
};

const char *hf_status_text(enum hf_status status)
{
	if ((unsigned)status >= HF_STATUS_COUNT)
		return "unknown status";
	return texts[status];
}
