/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/owner.h"

#include <errno.h>
#include <string.h>

/* Does a path as a user wrote it mean `normal`? It may have slashes and "." parts too many. */
static bool means(const char *path, const char *normal)
{
	while (*path == '/') {
		size_t n = strcspn(path + 1, "/");

		if (n == 0 || (n == 1 && path[1] == '.')) {
			path += 1 + n;
			continue;
		}
		if (strncmp(path, normal, n + 1) || (normal[n + 1] && normal[n + 1] != '/'))
			return false;
		path += n + 1;
		normal += n + 1;
	}
	return !*path && !*normal;
}

static bool has(const struct domain *d, const char *path)
{
	for (uint32_t i = 0; i < d->n_disks; i++)
		if (d->disks[i].path && means(d->disks[i].path, path))
			return true;
	return false;
}

struct guest *owner_of_image(const struct guest *besides, const char *path, int *ret_rc)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	*ret_rc = 0;
	for (struct guest *g = guest_next(NULL); g && !*ret_rc; g = guest_next(g)) {
		CLEAN_ARENA struct arena *a = NULL;
		struct domain d;

		if (g == besides)
			continue;
		if (g->run && has(&g->run->rec.live, path))
			return g;
		/* a model that has not even the file's name among its bytes need not be decoded */
		if (!g->model || !memmem(g->model, g->n_model, name, strlen(name)))
			continue;
		a = arena_new(GUEST_MODEL_MAX);
		*ret_rc = a ? guest_model(g, a, &d, NULL) : -ENOMEM;
		if (!*ret_rc && has(&d, path))
			return g;
	}
	return NULL;
}
