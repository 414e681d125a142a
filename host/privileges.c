/* SPDX-License-Identifier: BSD-2-Clause */
/* Users, groups, and giving up root. */
#include "host/host_priv.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/arena.h"

enum { ENTRY_SIZE = 16384 };

static bool find_user(const char *name, uid_t *uid, gid_t *gid, struct hf_note *why)
{
	struct passwd entry, *found = NULL;
	char buffer[ENTRY_SIZE];

	if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || !found) {
		hf_note_add(why, "user \"%s\": no such user", name);
		return false;
	}
	*uid = entry.pw_uid;
	*gid = entry.pw_gid;
	return true;
}

static bool find_group(const char *name, gid_t *gid, struct hf_note *why)
{
	struct group entry, *found = NULL;
	char buffer[ENTRY_SIZE];

	if (getgrnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || !found) {
		hf_note_add(why, "group \"%s\": no such group", name);
		return false;
	}
	*gid = entry.gr_gid;
	return true;
}

bool hf_user_group_ids(const char *user, const char *group, uid_t *uid, gid_t *gid,
		       struct hf_note *why)
{
	gid_t own;

	if (user && !find_user(user, uid, &own, why))
		return false;
	return !group || find_group(group, gid, why);
}

bool hf_identity_find(const char *user, const char *group, struct hf_identity *identity,
		      struct hf_note *why)
{
	*identity = (struct hf_identity){ .uid = geteuid(), .gid = getegid(), .user = user };
	if (!user)
		return !group || find_group(group, &identity->gid, why);
	if (!find_user(user, &identity->uid, &identity->gid, why) ||
	    (group && !find_group(group, &identity->gid, why)))
		return false;
	if (geteuid() != 0 && identity->uid != geteuid()) {
		hf_note_add(why, "user \"%s\": only root can become another user", user);
		return false;
	}
	identity->change = geteuid() == 0;
	return true;
}

enum hf_status hf_identity_assume(const struct hf_identity *identity, struct hf_note *why)
{
	if (identity->change) {
		if (initgroups(identity->user, identity->gid) != 0 || setgid(identity->gid) != 0 ||
		    setuid(identity->uid) != 0) {
			hf_note_add(why, "becoming user \"%s\": %s", identity->user,
				    strerror(errno));
			return HF_EIO;
		}
		if (identity->uid != 0 && setuid(0) == 0) {
			hf_note_add(why, "becoming user \"%s\": the way back to root is still open",
				    identity->user);
			return HF_EIO;
		}
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		hf_note_add(why, "no_new_privs: %s", strerror(errno));
		return HF_EIO;
	}
	return HF_OK;
}
