/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfastd --show: every setting with its value, and the line of the file or the default that it
 * comes from. */
#include "host/config_priv.h"

static void show_rows(const struct hf_setup *setup, const config_setting_t *group,
		      const char *prefix, const struct hf_option *options, const void *settings,
		      FILE *out)
{
	for (; options && options->name; options++) {
		const config_setting_t *at =
			group ? config_setting_get_member(group, options->name) : NULL;
		struct hf_buf line = HF_BUF_INIT;
		const char *file;

		hf_buf_printf(&line, "%s%s = ", prefix, options->name);
		hf_option_format(options, settings, &line);
		if (at) {
			file = config_setting_source_file(at);
			fprintf(out, "%-60s # %s:%d\n", hf_buf_cstr(&line),
				file ? file : setup->config->path,
				(int)config_setting_source_line(at));
		} else {
			fprintf(out, "%-60s # default\n", hf_buf_cstr(&line));
		}
		hf_buf_fini(&line);
	}
}

static void show_list(const struct hf_setup *setup, const config_setting_t *parent,
		      const char *name, const char *prefix, const struct hf_option *options,
		      const void *elements, size_t element_size, size_t count, FILE *out)
{
	const config_setting_t *list = parent ? config_setting_get_member(parent, name) : NULL;

	for (size_t i = 0; list && i < count; i++) {
		struct hf_buf label = HF_BUF_INIT;

		hf_buf_printf(&label, "%s[%zu].", prefix, i);
		show_rows(setup, config_setting_get_elem(list, (unsigned)i), hf_buf_cstr(&label),
			  options, (const char *)elements + i * element_size, out);
		hf_buf_fini(&label);
	}
}

void hf_setup_show(const struct hf_setup *setup, FILE *out)
{
	const config_setting_t *root = hf_config_root(setup->config);

	for (const struct hf_section *section = hf_host_sections; section->name; section++) {
		const config_setting_t *group =
			*section->name ? config_setting_get_member(root, section->name) : root;
		struct hf_buf prefix = HF_BUF_INIT;

		hf_buf_printf(&prefix, "%s%s", section->name, *section->name ? "." : "");
		show_rows(setup, group, hf_buf_cstr(&prefix), section->options,
			  (const char *)&setup->host + section->offset, out);
		hf_buf_fini(&prefix);
	}
	show_list(setup, config_setting_get_member(root, "tls"), "sni", "tls.sni", hf_sni_options,
		  setup->host.tls.sni, sizeof(struct hf_sni_settings), setup->host.tls.sni_count,
		  out);
	show_list(setup, root, "listen", "listen", hf_listen_options, setup->host.listen,
		  sizeof(struct hf_listen_settings), setup->host.listen_count, out);
	for (size_t i = 0; i < setup->module_count; i++) {
		const struct hf_setup_module *entry = &setup->modules[i];
		struct hf_buf prefix = HF_BUF_INIT;

		hf_buf_printf(&prefix, "%s.", entry->name);
		if (entry->module)
			show_rows(setup, config_setting_get_member(root, entry->name),
				  hf_buf_cstr(&prefix), entry->module->options,
				  entry->snapshot->data, out);
		hf_buf_fini(&prefix);
	}
}
