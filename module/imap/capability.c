/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server announces: computed from the commands that are there and from what this session
 * may use. RFC 9051 §7.2.2, RFC 3501 §7.2.1; each row's RFC stands beside it. */
#include "module/imap/session_priv.h"

static const struct {
	const char *name;
	const char *command; /* announced only where this command exists; NULL: the session itself
				does it */
	unsigned states;
} rows[] = {
	{ "IMAP4rev1", NULL, IMAP_ANY_STATE },
	{ "IMAP4rev2", NULL, IMAP_ANY_STATE },                /* RFC 9051 */
	{ "LITERAL-", NULL, IMAP_NOT_AUTHENTICATED },         /* RFC 7888: small ones until login */
	{ "LITERAL+", NULL, IMAP_LOGGED_IN },                 /* RFC 7888 */
	{ "SASL-IR", "AUTHENTICATE", IMAP_ANY_STATE },        /* RFC 4959 */
	{ "ID", "ID", IMAP_ANY_STATE },                       /* RFC 2971 */
	{ "ENABLE", "ENABLE", IMAP_ANY_STATE },               /* RFC 5161 */
	{ "IDLE", "IDLE", IMAP_LOGGED_IN },                   /* RFC 2177 */
	{ "NAMESPACE", "NAMESPACE", IMAP_LOGGED_IN },         /* RFC 2342 */
	{ "UNSELECT", "UNSELECT", IMAP_LOGGED_IN },           /* RFC 3691 */
	{ "UIDPLUS", "EXPUNGE", IMAP_LOGGED_IN },             /* RFC 4315 */
	{ "MOVE", "MOVE", IMAP_LOGGED_IN },                   /* RFC 6851 */
	{ "CHILDREN", "LIST", IMAP_LOGGED_IN },               /* RFC 3348 */
	{ "LIST-EXTENDED", "LIST", IMAP_LOGGED_IN },          /* RFC 5258 */
	{ "LIST-STATUS", "LIST", IMAP_LOGGED_IN },            /* RFC 5819 */
	{ "LIST-MYRIGHTS", "MYRIGHTS", IMAP_LOGGED_IN },      /* RFC 8440 */
	{ "ACL", "SETACL", IMAP_LOGGED_IN },                  /* RFC 4314 */
	{ "RIGHTS=kxte", "SETACL", IMAP_LOGGED_IN },          /* RFC 4314 §2.2 */
	{ "SPECIAL-USE", "LIST", IMAP_LOGGED_IN },            /* RFC 6154 */
	{ "CREATE-SPECIAL-USE", "CREATE", IMAP_LOGGED_IN },   /* RFC 6154 */
	{ "CONDSTORE", "STORE", IMAP_LOGGED_IN },             /* RFC 7162 */
	{ "UTF8=ACCEPT", "ENABLE", IMAP_LOGGED_IN },          /* RFC 9755 */
	{ "UIDONLY", "ENABLE", IMAP_LOGGED_IN },              /* RFC 9586 */
	{ "UIDBATCHES", "UIDBATCHES", IMAP_LOGGED_IN },       /* RFC 10022 */
	{ "INPROGRESS", NULL, IMAP_LOGGED_IN },               /* RFC 9585 */
	{ "STATUS=SIZE", "STATUS", IMAP_LOGGED_IN },          /* RFC 8438 */
	{ "QRESYNC", "SELECT", IMAP_LOGGED_IN },              /* RFC 7162 */
	{ "BINARY", "FETCH", IMAP_LOGGED_IN },                /* RFC 3516 */
	{ "ESEARCH", "SEARCH", IMAP_LOGGED_IN },              /* RFC 4731 */
	{ "SEARCHRES", "SEARCH", IMAP_LOGGED_IN },            /* RFC 5182 */
	{ "WITHIN", "SEARCH", IMAP_LOGGED_IN },               /* RFC 5032 */
	{ "SORT", "SORT", IMAP_LOGGED_IN },                   /* RFC 5256 */
	{ "SORT=DISPLAY", "SORT", IMAP_LOGGED_IN },           /* RFC 5957 */
	{ "PARTIAL", "SEARCH", IMAP_LOGGED_IN },              /* RFC 9394 */
	{ "CONTEXT=SEARCH", "CANCELUPDATE", IMAP_LOGGED_IN }, /* RFC 5267 */
	{ "CONTEXT=SORT", "CANCELUPDATE", IMAP_LOGGED_IN },   /* RFC 5267 */
	{ "MULTISEARCH", "ESEARCH", IMAP_LOGGED_IN },         /* RFC 7377 */
	{ "ESORT", "SORT", IMAP_LOGGED_IN },                  /* RFC 5267 */
	{ "THREAD=ORDEREDSUBJECT", "THREAD", IMAP_LOGGED_IN }, /* RFC 5256 */
	{ "THREAD=REFERENCES", "THREAD", IMAP_LOGGED_IN },     /* RFC 5256 */
	{ "THREAD=REFS", "THREAD", IMAP_LOGGED_IN },           /* draft-ietf-morg-inthread */
	{ "I18NLEVEL=1", "SEARCH", IMAP_LOGGED_IN },           /* RFC 5255 */
	{ "MULTIAPPEND", "APPEND", IMAP_LOGGED_IN },           /* RFC 3502 */
	{ "CATENATE", "APPEND", IMAP_LOGGED_IN },              /* RFC 4469 */
	{ "URL-PARTIAL", "APPEND", IMAP_LOGGED_IN },           /* RFC 5550 */
	{ "REPLACE", "REPLACE", IMAP_LOGGED_IN },              /* RFC 8508 */
	{ "QUOTA", "GETQUOTA", IMAP_LOGGED_IN },               /* RFC 9208 */
	{ "QUOTA=RES-STORAGE", "GETQUOTA", IMAP_LOGGED_IN },   /* RFC 9208 */
	{ "QUOTA=RES-MESSAGE", "GETQUOTA", IMAP_LOGGED_IN },   /* RFC 9208 */
	{ "QUOTA=RES-MAILBOX", "GETQUOTA", IMAP_LOGGED_IN },   /* RFC 9208 */
	{ "METADATA", "GETMETADATA", IMAP_LOGGED_IN },           /* RFC 5464 */
	{ "METADATA-SERVER", "GETMETADATA", IMAP_LOGGED_IN },    /* RFC 5464 */
	{ "LIST-METADATA", "LIST", IMAP_LOGGED_IN },             /* RFC 9590 */
	{ "NOTIFY", "NOTIFY", IMAP_LOGGED_IN },                /* RFC 5465 */
	{ "OBJECTID", "FETCH", IMAP_LOGGED_IN },               /* RFC 8474 */
	{ "SAVEDATE", "FETCH", IMAP_LOGGED_IN },               /* RFC 8514 */
	{ "PREVIEW", "FETCH", IMAP_LOGGED_IN },                /* RFC 8970 */
};

static void add_authentication(struct imap_session *session, struct hf_buf *out)
{
	struct hf_sasl *sasl = session->priv->module->sasl;
	struct hf_buf names = HF_BUF_INIT;
	struct hf_sasl_peer peer;
	struct hf_str rest;

	imap_auth_peer(session, &peer);
	if (hf_conn_can_starttls(session->conn))
		hf_buf_add_lit(out, " STARTTLS");
	hf_sasl_mechanisms(sasl, &peer, &names);
	rest = hf_buf_str(&names);
	while (rest.size) {
		struct hf_str name = hf_str_split(&rest, ' ');

		if (!name.size)
			continue;
		hf_buf_add_lit(out, " AUTH=");
		hf_buf_add_str(out, name);
	}
	hf_buf_fini(&names);
	if (!hf_sasl_allows_plaintext(sasl, &peer))
		hf_buf_add_lit(out, " LOGINDISABLED");
}

static void add_rows(struct hf_buf *out, unsigned states)
{
	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		if (!(rows[i].states & states))
			continue;
		if (rows[i].command && !imap_command_find(hf_str(rows[i].command)))
			continue;
		if (out->size)
			hf_buf_add_char(out, ' ');
		hf_buf_add_cstr(out, rows[i].name);
	}
}

void imap_capabilities_init(struct imap_module *module)
{
	add_rows(&module->capabilities[false], IMAP_NOT_AUTHENTICATED);
	add_rows(&module->capabilities[true], IMAP_LOGGED_IN);
}

void imap_capabilities_fini(struct imap_module *module)
{
	hf_buf_fini(&module->capabilities[false]);
	hf_buf_fini(&module->capabilities[true]);
}

void imap_add_capabilities(struct imap_session *session, struct hf_buf *out)
{
	bool logged_in = session->state != IMAP_NOT_AUTHENTICATED;

	hf_buf_add_str(out, hf_buf_str(&session->priv->module->capabilities[logged_in]));
	hf_buf_printf(out, " APPENDLIMIT=%llu", /* RFC 7889 */
		      (unsigned long long)session->settings->message_size_max);
	if (!hf_conn_is_compressed(session->conn))
		hf_buf_add_lit(out, " COMPRESS=DEFLATE"); /* RFC 4978 */
	if (session->state != IMAP_NOT_AUTHENTICATED)
		hf_buf_add_lit(out, " UNAUTHENTICATE"); /* RFC 8437 */
	if (session->admin)
		hf_buf_add_lit(out, " QUOTASET"); /* RFC 9208 */
	if (session->state == IMAP_NOT_AUTHENTICATED)
		add_authentication(session, out);
}
