/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of mailboxes for LIST and LSUB. RFC 9051 §6.3.9, RFC 3501 §6.3.9; children: RFC 3348;
 * special uses: RFC 6154.
 *
 * The snapshot comes in an order in which children follow their parent, so one pass with
 * a stack of open levels finds the levels that are no mailboxes themselves and which nodes have
 * children. */
#include "module/imap/list.h"

#include "base/encode.h"

const struct imap_special_use imap_special_uses[] = {
	{ HF_USE_ALL, "All" },       { HF_USE_ARCHIVE, "Archive" },
	{ HF_USE_DRAFTS, "Drafts" }, { HF_USE_FLAGGED, "Flagged" },
	{ HF_USE_JUNK, "Junk" },     { HF_USE_SENT, "Sent" },
	{ HF_USE_TRASH, "Trash" },   { HF_USE_IMPORTANT, "Important" },
};
const size_t imap_special_use_count = HF_COUNT(imap_special_uses);

/* Tree --------------------------------------------------------------------------------------- */

struct builder {
	struct hf_arena *arena;
	struct imap_list_node *nodes;
	size_t count, capacity;
	size_t open[HF_NAME_MAX]; /* indexes of the levels above the next name */
	size_t depth;
};

static void add_node(struct builder *b, struct hf_str name, const struct imap_mailbox *mailbox)
{
	if (b->count == b->capacity) {
		size_t capacity = b->capacity * 2;
		struct imap_list_node *grown =
			hf_new_array(b->arena, struct imap_list_node, capacity);

		memcpy(grown, b->nodes, b->count * sizeof(*grown));
		b->nodes = grown;
		b->capacity = capacity;
	}
	b->nodes[b->count++] = (struct imap_list_node){
		.name = name,
		.info = mailbox ? &mailbox->info : NULL,
		.mailbox = mailbox,
		.parent = b->depth ? b->open[b->depth - 1] + 1 : 0,
	};
}

static bool is_above(struct hf_str parent, struct hf_str name)
{
	return name.size > parent.size && name.data[parent.size] == '/' &&
	       hf_str_starts(name, parent);
}

/* Opens the levels above `name` that the stack does not have. */
static void open_levels(struct builder *b, struct hf_str name)
{
	size_t from;

	while (b->depth && !is_above(b->nodes[b->open[b->depth - 1]].name, name))
		b->depth--;
	from = b->depth ? b->nodes[b->open[b->depth - 1]].name.size + 1 : 0;
	for (size_t i = from; i < name.size; i++) {
		if (name.data[i] != '/')
			continue;
		add_node(b, hf_str_sub(name, 0, i), NULL);
		b->open[b->depth++] = b->count - 1;
	}
}

static void mark_levels(struct builder *b, const struct hf_mailbox_info *info)
{
	for (size_t i = b->depth; i > 0; i--) {
		struct imap_list_node *node = &b->nodes[b->open[i - 1]];

		if ((node->children || !info->id) &&
		    (node->subscribed_children || !info->subscribed))
			break;
		node->children = node->children || info->id;
		node->subscribed_children = node->subscribed_children || info->subscribed;
	}
}

void imap_list_tree_of(struct hf_arena *arena, const struct imap_mailbox *list, size_t count, struct imap_list_tree *tree)
{
	struct builder *b = hf_new(arena, struct builder);

	b->arena = arena;
	b->capacity = count + 16;
	b->nodes = hf_new_array(arena, struct imap_list_node, b->capacity);
	for (size_t i = 0; i < count; i++) {
		open_levels(b, list[i].info.name);
		mark_levels(b, &list[i].info);
		add_node(b, list[i].info.name, &list[i]);
		b->open[b->depth++] = b->count - 1;
	}
	tree->nodes = b->nodes;
	tree->count = b->count;
}

void imap_list_tree(struct imap_session *session, struct hf_arena *arena, struct imap_list_tree *tree)
{
	struct imap_mailbox *list;
	size_t count;

	imap_mailbox_list(session, arena, &list, &count);
	imap_list_tree_of(arena, list, count, tree);
}

/* Patterns ----------------------------------------------------------------------------------- */

void imap_list_pattern_init(struct imap_session *session, struct hf_arena *arena,
			    struct hf_str reference, struct hf_str pattern,
			    struct imap_list_pattern *made)
{
	struct hf_buf joined = HF_BUF_INIT, utf8 = HF_BUF_INIT;
	char *text;
	size_t size = 0;

	*made = (struct imap_list_pattern){ 0 };
	hf_buf_add_str(&joined, reference);
	hf_buf_add_str(&joined, pattern);
	if (session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2))
		hf_buf_add_str(&utf8, hf_buf_str(&joined));
	else if (hf_mutf7_decode(hf_buf_str(&joined), &utf8) != HF_OK)
		made->never = true;
	text = hf_arena_alloc(arena, utf8.size + 1);
	for (size_t i = 0; i < utf8.size; i++) {
		char c = utf8.data[i];
		bool wild_before = size && (text[size - 1] == '*' || text[size - 1] == '%');

		if (c == '*')
			made->star = true;
		if (wild_before && c == '*')
			text[size - 1] = '*'; /* "%*" is "*" */
		else if (!wild_before || c != '%')
			text[size++] = c;
	}
	made->text = hf_str_n(text, size);
	/* Between two wildcards stands a character of the name, so a longer pattern has no match.
	 */
	if (size > (size_t)2 * HF_NAME_MAX + 1)
		made->never = true;
	hf_buf_fini(&joined);
	hf_buf_fini(&utf8);
}

/* Runs all ways to match at once: active[i] means that the first i characters of the pattern match
 * what has been read of the name. */
struct matcher {
	struct hf_str pattern;
	bool active[2 * HF_NAME_MAX + 2];
};

static bool is_wild(char c)
{
	return c == '*' || c == '%';
}

/* A wildcard may stand for nothing. */
static void close_over(struct matcher *m)
{
	for (size_t i = 0; i < m->pattern.size; i++)
		if (m->active[i] && is_wild(m->pattern.data[i]))
			m->active[i + 1] = true;
}

static bool same_char(char a, char b, bool fold)
{
	return fold ? hf_ascii_lower(a) == hf_ascii_lower(b) : a == b;
}

static bool advance(struct matcher *m, char c, bool fold)
{
	bool any = false;

	for (size_t i = m->pattern.size + 1; i-- > 0;) {
		char from = i < m->pattern.size ? m->pattern.data[i] : '\0';
		bool stays = (from == '*' || (from == '%' && c != '/')) && m->active[i];
		bool comes = i > 0 && m->active[i - 1] && !is_wild(m->pattern.data[i - 1]) &&
			     same_char(m->pattern.data[i - 1], c, fold);

		m->active[i] = stays || comes;
		any = any || m->active[i];
	}
	close_over(m);
	return any;
}

bool imap_list_match(const struct imap_list_pattern *pattern, struct hf_str name)
{
	struct hf_str inbox = HF_STR("INBOX");
	bool fold = hf_str_eq(name, inbox) || is_above(inbox, name);
	struct matcher m;

	if (pattern->never)
		return false;
	if (hf_str_eq(pattern->text, HF_STR("*")))
		return true;
	m.pattern = pattern->text;
	memset(m.active, 0, pattern->text.size + 1);
	m.active[0] = true;
	close_over(&m);
	for (size_t i = 0; i < name.size; i++)
		if (!advance(&m, name.data[i], fold && i < inbox.size))
			return false;
	return m.active[pattern->text.size];
}

/* Output ------------------------------------------------------------------------------------- */

void imap_list_write(struct imap_session *session, const char *word, const char *attributes,
		     const char *extended, const struct imap_list_node *node)
{
	struct hf_buf out = HF_BUF_INIT;
	size_t start;

	hf_buf_printf(&out, "* %s (", word);
	start = out.size;
	hf_buf_add_cstr(&out, attributes);
	for (size_t i = 0; node->info && i < imap_special_use_count; i++)
		if (node->info->special_use & imap_special_uses[i].bit)
			hf_buf_printf(&out, "%s\\%s", out.size > start ? " " : "",
				      imap_special_uses[i].name);
	hf_buf_add_lit(&out, ") \"/\" ");
	imap_add_mailbox(session, &out, node->name);
	if (extended)
		hf_buf_printf(&out, " %s", extended);
	hf_buf_add_lit(&out, "\r\n");
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
}

static const char *oldname(struct imap_session *session, struct hf_arena *arena, struct hf_str given)
{
	struct hf_buf text = HF_BUF_INIT;
	const char *copy;

	if (!given.data)
		return NULL;
	hf_buf_add_lit(&text, "(\"OLDNAME\" (");
	imap_add_mailbox(session, &text, given);
	hf_buf_add_lit(&text, "))");
	copy = hf_arena_cstr(arena, hf_buf_str(&text));
	hf_buf_fini(&text);
	return copy;
}

void imap_list_tell(struct imap_session *session, struct hf_arena *arena, struct hf_str name, const char *missing,
		    struct hf_str given)
{
	const char *extended = oldname(session, arena, given);
	struct imap_list_tree tree;

	imap_list_tree(session, arena, &tree);
	for (size_t i = 0; i < tree.count; i++) {
		const struct imap_list_node *node = &tree.nodes[i];
		const char *children = node->children ? "\\HasChildren" : "\\HasNoChildren";

		if (!hf_str_eq(node->name, name))
			continue;
		if (!imap_list_exists(node))
			children = hf_arena_printf(arena, "\\NonExistent %s", children);
		imap_list_write(session, "LIST", children, extended, node);
		return;
	}
	imap_list_write(session, "LIST", missing, extended, &(struct imap_list_node){ .name = name });
}

void imap_list_tell_given(struct imap_cmd *cmd, struct hf_str name, const char *missing, struct hf_str given)
{
	if (given.data && cmd->session->enabled & IMAP_EN_REV2)
		imap_list_tell(cmd->session, cmd->arena, name, missing, given);
}
