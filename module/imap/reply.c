/* SPDX-License-Identifier: BSD-2-Clause */
/* What is written to clients: strings in the form they need, untagged conditions, and the one table
 * from our status to IMAP's words. RFC 9051 §4.3, §7.1; response codes: RFC 5530. */
#include <stdarg.h>

#include "module/imap/session_priv.h"

#include "base/encode.h"

static const struct {
	const char *word, *code, *text;
} words[HF_STATUS_COUNT] = {
	[HF_OK] = { "OK", NULL, "completed" },
	[HF_ESYNTAX] = { "BAD", NULL, "Syntax error" },
	[HF_ENONEXISTENT] = { "NO", "NONEXISTENT", "No such mailbox" },
	[HF_EEXISTS] = { "NO", "ALREADYEXISTS", "It exists already" },
	[HF_ENOPERM] = { "NO", "NOPERM", "Permission denied" },
	[HF_EOVERQUOTA] = { "NO", "OVERQUOTA", "The quota does not allow it" },
	[HF_ELIMIT] = { "NO", "LIMIT", "A limit of this server is exceeded" },
	[HF_ETOOBIG] = { "NO", "TOOBIG", "Too big" },
	[HF_EINUSE] = { "NO", "INUSE", "In use" },
	[HF_ECANNOT] = { "NO", "CANNOT", "Not possible" },
	[HF_EMODIFIED] = { "NO", NULL, "Modified meanwhile" },
	[HF_EBADCHARSET] = { "NO", "BADCHARSET", "Unknown charset" },
	[HF_EUNKNOWNCTE] = { "NO", "UNKNOWN-CTE", "Cannot decode the transfer encoding" },
	[HF_EINVALID] = { "NO", "CANNOT", "Invalid value" },
	[HF_EAUTH] = { "NO", "AUTHENTICATIONFAILED", "Authentication failed" },
	[HF_EAUTHZ] = { "NO", "AUTHORIZATIONFAILED", "Authorization failed" },
	[HF_EEXPIRED] = { "NO", "NONEXISTENT", "No longer there" },
	[HF_EUNAVAILABLE] = { "NO", "UNAVAILABLE", "Temporarily unavailable, try again later" },
	[HF_ECORRUPT] = { "NO", "CORRUPTION", "Stored data is damaged" },
	[HF_EIO] = { "NO", "UNAVAILABLE", "Internal error, try again later" },
};

void imap_status_words(enum hf_status status, const char **word, const char **code,
		       const char **text)
{
	if ((unsigned)status >= HF_STATUS_COUNT || !words[status].word)
		status = HF_EIO;
	*word = words[status].word;
	*code = words[status].code;
	*text = words[status].text;
}

void imap_printf(struct imap_session *session, const char *fmt, ...)
{
	struct hf_buf *out = &session->priv->out;
	va_list ap;

	hf_buf_clear(out);
	va_start(ap, fmt);
	hf_buf_vprintf(out, fmt, ap);
	va_end(ap);
	hf_conn_write(session->conn, out->data, out->size);
}

void imap_untagged_text(struct imap_session *session, const char *status, const char *code,
			const char *text)
{
	imap_printf(session, "* %s %s%s%s%s\r\n", status, code ? "[" : "", code ? code : "",
		    code ? "] " : "", text);
}

void imap_code(struct imap_cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	hf_buf_clear(&cmd->code);
	va_start(ap, fmt);
	hf_buf_vprintf(&cmd->code, fmt, ap);
	va_end(ap);
}

void imap_text(struct imap_cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	hf_buf_clear(&cmd->text);
	va_start(ap, fmt);
	hf_buf_vprintf(&cmd->text, fmt, ap);
	va_end(ap);
}

enum hf_status imap_bad_name(struct imap_cmd *cmd)
{
	imap_text(cmd, "Invalid mailbox name");
	return HF_ECANNOT;
}

enum hf_status imap_uid_required(struct imap_cmd *cmd)
{
	imap_code(cmd, "UIDREQUIRED");
	imap_text(cmd, "Message numbers are not used on this connection");
	return HF_ESYNTAX;
}

/* Strings ------------------------------------------------------------------------------------ */

static bool is_astring_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '(' && c != ')' && c != '{' && c != '%' && c != '*' &&
	       c != '"' && c != '\\';
}

static void add_quoted(struct hf_buf *out, struct hf_str s)
{
	hf_buf_add_char(out, '"');
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '"' || s.data[i] == '\\')
			hf_buf_add_char(out, '\\');
		hf_buf_add_char(out, s.data[i]);
	}
	hf_buf_add_char(out, '"');
}

static void add_literal(struct hf_buf *out, struct hf_str s)
{
	hf_buf_add_char(out, '{');
	hf_buf_add_u64(out, s.size);
	hf_buf_add_lit(out, "}\r\n");
	hf_buf_add_str(out, s);
}

void imap_add_string(struct hf_buf *out, struct hf_str s)
{
	for (size_t i = 0; i < s.size; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c == '\r' || c == '\n' || c == '\0' || c >= 0x80) {
			add_literal(out, s);
			return;
		}
	}
	add_quoted(out, s);
}

void imap_add_astring(struct hf_buf *out, struct hf_str s)
{
	bool atom = s.size > 0 && !hf_str_ieq(s, HF_STR("NIL"));

	for (size_t i = 0; atom && i < s.size; i++)
		atom = is_astring_char((unsigned char)s.data[i]);
	if (atom)
		hf_buf_add_str(out, s);
	else
		imap_add_string(out, s);
}

void imap_add_nstring(struct hf_buf *out, struct hf_str s)
{
	if (s.data)
		imap_add_string(out, s);
	else
		hf_buf_add_lit(out, "NIL");
}

void imap_add_mailbox(struct imap_session *session, struct hf_buf *out, struct hf_str utf8_name)
{
	struct hf_buf name = HF_BUF_INIT;

	if (session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2)) {
		add_quoted(out, utf8_name); /* names hold no line ends */
		return;
	}
	hf_mutf7_encode(utf8_name, &name);
	imap_add_astring(out, hf_buf_str(&name));
	hf_buf_fini(&name);
}
