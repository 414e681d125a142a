/* SPDX-License-Identifier: BSD-2-Clause */
/* Replay of a fuzz corpus as an ordinary test: runs a target of tests/fuzz/ over files. Without arguments it takes
 * the directory tests/fuzz/corpus/<program> below $srcdir; otherwise the files and directories named.
 * Every input is given whole; a target that wants pieces cuts them itself. */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(99);
}

static void run_file(const char *path)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	size_t size;

	if (file == NULL || fstat(fileno(file), &st) != 0)
		fail(path);
	size = (size_t)st.st_size;
	data = malloc(size > 0 ? size : 1); /* exact, so that a sanitizer sees a read past the end */
	if (data == NULL || fread(data, 1, size, file) != size)
		fail(path);
	fclose(file);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	inputs++;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void run_path(const char *path)
{
	struct dirent **list = NULL;
	struct stat st;
	int count;

	if (stat(path, &st) != 0)
		fail(path);
	if (!S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	count = scandir(path, &list, visible, alphasort);
	if (count < 0)
		fail(path);
	for (int i = 0; i < count; i++) {
		char *name = NULL;

		if (asprintf(&name, "%s/%s", path, list[i]->d_name) < 0)
			abort();
		run_path(name);
		free(name);
		free(list[i]);
	}
	free(list);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strrchr(argv[0], '/');
	char *path = NULL;

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			run_path(argv[i]);
	} else {
		name = name != NULL ? name + 1 : argv[0];
		if (strncmp(name, "lt-", 3) == 0)
			name += 3;
		if (asprintf(&path, "%s/tests/fuzz/corpus/%s", srcdir != NULL ? srcdir : ".", name) < 0)
			abort();
		run_path(path);
		free(path);
	}
	printf("%u inputs\n", inputs);
	return inputs > 0 ? 0 : 1;
}
