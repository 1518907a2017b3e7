/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/chain.h"

#include <errno.h>
#include <string.h>

#include "disk/names.h"

static int refuse_header(const struct chain_image *image, const struct image_info *info,
			 struct err *err)
{
	if (!info->qcow2)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s' is declared as qcow2 but is none: correct the disk's <driver type=...>",
			       image->path);
	if (info->encrypted)
		return err_set(err, -EOPNOTSUPP, ERR_CONFIG_UNSUPPORTED,
			       "image '%s' is encrypted, which is not supported: convert it (qemu-img convert)",
			       image->path);
	if (info->data_file)
		return err_set(err, -EOPNOTSUPP, ERR_CONFIG_UNSUPPORTED,
			       "image '%s' keeps its data in an external data file, which is refused: convert it (qemu-img convert -O qcow2)",
			       image->path);
	return 0;
}

/* The backing format that the header names; UNSET when it names none. */
static int header_format(const struct chain_image *image, const struct image_info *info,
			 uint32_t *ret_format, struct err *err)
{
	*ret_format = DOM_DISK_FORMAT_UNSET;
	if (!info->backing_format)
		return 0;
	*ret_format = xdr_enum_parse(dom_disk_format_names, DOM_DISK_FORMAT_QCOW2,
				     info->backing_format);
	if (*ret_format == DOM_DISK_FORMAT_UNSET)
		return err_set(err, -EOPNOTSUPP, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': the format '%s' of its backing file '%s' is not supported",
			       image->path, info->backing_format, info->backing);
	return 0;
}

static int listed(struct arena *a, const struct disk_open_args *args, unsigned depth,
		  const struct chain_image *image, const char *found, uint32_t format,
		  struct chain_image *next, struct err *err)
{
	const struct dom_image *want;
	char *path;
	int r;

	if (depth >= args->n_backing)
		return err_set(err, -EACCES, ERR_CONFIG_UNSUPPORTED,
			       "image '%s' has the backing file '%s', which the disk's definition does not list: add a <backingStore> for it",
			       image->path, found);
	want = &args->backing[depth];
	r = path_normalize(a, want->path, &path, err);
	if (r < 0)
		return r;
	if (strcmp(path, found) != 0)
		return err_set(err, -EACCES, ERR_CONFIG_UNSUPPORTED,
			       "image '%s' has the backing file '%s', but the disk's definition lists '%s' there",
			       image->path, found, path);
	if (want->format == DOM_DISK_FORMAT_UNSET ||
	    (format != DOM_DISK_FORMAT_UNSET && want->format != format))
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "backing file '%s' of image '%s': the definition must give its <format type=...>%s%s",
			       found, image->path, format ? ", which is " : "",
			       format ? dom_disk_format_names[format] : "");
	*next = (struct chain_image){
		.path = path, .format = want->format, .roots = FILE_ROOTS_ROLE,
		.block = want->type == DOM_DISK_SOURCE_TYPE_BLOCK,
	};
	return 0;
}

static int unlisted(const struct chain_image *image, char *found, uint32_t format,
		    struct chain_image *next, struct err *err)
{
	if (format == DOM_DISK_FORMAT_UNSET)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s' does not say which format its backing file '%s' has, and it is never guessed: run qemu-img rebase -u -F FORMAT -b '%s' '%s'",
			       image->path, found, found, image->path);
	*next = (struct chain_image){ .path = found, .format = format, .roots = FILE_ROOTS_BACKING };
	return 0;
}

static int no_more(const struct disk_open_args *args, unsigned depth,
		   const struct chain_image *image, bool *ret_more, struct err *err)
{
	if (args->backing_given && depth < args->n_backing)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s' has no backing file, but the disk's definition lists '%s' below it",
			       image->path, args->backing[depth].path);
	*ret_more = false;
	return 0;
}

int chain_step(struct arena *a, const struct disk_open_args *args, unsigned depth,
	       const struct chain_image *image, const struct image_info *info,
	       struct chain_image *ret_next, bool *ret_more, struct err *err)
{
	struct chain_image next;
	uint32_t format = DOM_DISK_FORMAT_UNSET;
	char *found;
	int r;

	if (!info)
		return no_more(args, depth, image, ret_more, err);
	r = refuse_header(image, info, err);
	if (r < 0)
		return r;
	if (!info->backing)
		return no_more(args, depth, image, ret_more, err);
	if (depth + 1 >= DOM_CHAIN_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': more than %d images in one chain", image->path,
			       DOM_CHAIN_MAX);
	r = path_backing(a, image->path, info->backing, &found, err);
	if (r == 0)
		r = header_format(image, info, &format, err);
	if (r < 0)
		return r;
	if (args->backing_given)
		r = listed(a, args, depth, image, found, format, &next, err);
	else
		r = unlisted(image, found, format, &next, err);
	if (r < 0)
		return r;
	*ret_next = next;
	*ret_more = true;
	return 0;
}
