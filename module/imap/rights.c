/* SPDX-License-Identifier: BSD-2-Clause */
/* The rights in the selected mailbox. RFC 4314 §4, §5.1.1, §5.2.
 *
 * They are looked up again whenever some list or group has changed: before a command, at each turn of a long one, and
 * when IDLE or NOTIFY is woken, as a change of the mailbox's list does. Without the right to read, the mailbox is as one that another session has deleted. */
#include "module/imap/mailbox.h"
#include "module/imap/session_priv.h"

static bool is_foreign(const struct imap_session *session)
{
	return hf_view_owner(session->view) != session->user_id;
}

void imap_rights_begin(struct imap_session *session, uint32_t rights, uint64_t version)
{
	session->rights = rights;
	session->priv->rights_version = version;
}

static void tell(struct imap_session *session)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* OK [PERMANENTFLAGS ");
	imap_add_permanent_flags(session, &out);
	hf_buf_add_lit(&out, "] Your rights have changed\r\n");
	hf_conn_write_str(session->conn, hf_buf_str(&out));
	hf_buf_fini(&out);
}

bool imap_rights_hold(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	uint64_t version;
	uint32_t before = session->rights;

	if (!session->view || priv->mailbox_gone)
		return !priv->mailbox_gone;
	version = hf_rights_version(session->store);
	if (version == priv->rights_version || !is_foreign(session))
		return true;
	priv->rights_version = version;
	session->rights = hf_rights_of(session->store, hf_view_mailbox(session->view), hf_view_owner(session->view),
				       session->user_id);
	if (!(session->rights & HF_RIGHT_READ)) {
		session->rights = 0;
		imap_write_gone(session);
		return false;
	}
	if (session->rights != before && !session->read_only)
		tell(session);
	return true;
}

enum hf_status imap_rights_need(struct imap_session *session, uint32_t needed)
{
	return (session->rights & needed) == needed ? HF_OK : HF_ENOPERM;
}

uint32_t imap_rights_flags(uint32_t rights)
{
	uint32_t flags = 0;

	if (rights & HF_RIGHT_SEEN)
		flags |= HF_FLAG_SEEN;
	if (rights & HF_RIGHT_DELETE)
		flags |= HF_FLAG_DELETED;
	if (rights & HF_RIGHT_WRITE)
		flags |= HF_FLAGS_ALL & ~(uint32_t)(HF_FLAG_SEEN | HF_FLAG_DELETED);
	return flags;
}

bool imap_rights_are_writing(uint32_t rights)
{
	return rights & (HF_RIGHT_INSERT | HF_RIGHT_EXPUNGE | HF_RIGHT_WRITE | HF_RIGHT_DELETE);
}
