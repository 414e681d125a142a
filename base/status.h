/* SPDX-License-Identifier: BSD-2-Clause */
/* The outcome of a function that can fail. Results go through pointers, last,
 * and are written only on HF_OK (or as documented on HF_MORE). */
#ifndef HF_BASE_STATUS_H
#define HF_BASE_STATUS_H

#include "base/compiler.h"

/* Clang warns wherever a returned status is dropped (gcc has no such attribute for enums). */
#ifdef __clang__
#define HF_STATUS_MUST_USE HF_MUST_USE
#else
#define HF_STATUS_MUST_USE
#endif

enum HF_STATUS_MUST_USE hf_status {
	HF_OK = 0,
	/* not errors: how a piece of work goes on */
	HF_MORE, /* call again when it is our turn */
	HF_WAIT, /* call again when woken (input, news, durable, room) */
	/* the client's syntax */
	HF_ESYNTAX,
	/* refusals */
	HF_ENONEXISTENT,  /* no such mailbox, message, user */
	HF_EEXISTS,       /* already there */
	HF_ENOPERM,       /* not allowed */
	HF_EOVERQUOTA,    /* would exceed a quota */
	HF_ELIMIT,        /* a limit of ours, named in the log */
	HF_ETOOBIG,       /* the message is larger than allowed */
	HF_EINUSE,        /* busy with something that forbids this */
	HF_ECANNOT,       /* not possible with this object (RFC 5530 CANNOT) */
	HF_EMODIFIED,     /* conditional change refused (RFC 7162) */
	HF_EBADCHARSET,   /* unknown charset */
	HF_EUNKNOWNCTE,   /* cannot decode the transfer encoding (RFC 3516) */
	HF_EINVALID,      /* well-formed but meaningless value */
	HF_EAUTH,         /* authentication failed */
	HF_EAUTHZ,        /* authenticated, but may not act as that user */
	HF_EEXPIRED,      /* gone because of time or retention */
	/* our failures */
	HF_EUNAVAILABLE,  /* temporarily not possible: disk reserve, back end, shutdown */
	HF_ECORRUPT,      /* a checksum does not match */
	HF_EIO,           /* a system call or library failed; see the log */
	HF_STATUS_COUNT
};

/* A short English phrase ("no such object"), constant. */
HF_API const char *hf_status_text(enum hf_status status);

#endif
