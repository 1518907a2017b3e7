/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storage pools as far as virt-install needs them to take an existing image:
 * before it believes in a path it wants to define a pool over its folder. Such
 * a pool lives as long as the connection that defined it, holds no volumes and
 * touches no disk; every other storage procedure answers "not supported".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "conn/conn.h"
#include "xml/tree.h"
#include "xml/writer.h"

#define POOL_XML_ARENA (256u << 10)
#define POOL_NAME_MAX 255u
#define POOL_PATH_MAX 4095u
#define POOL_RUNNING 2

struct pool {
	struct pool *next;
	char name[POOL_NAME_MAX + 1];
	char path[POOL_PATH_MAX + 1];
	uint8_t uuid[16];
};

void pools_free(struct client *c)
{
	while (c->pools) {
		struct pool *p = c->pools;

		c->pools = p->next;
		free(p);
	}
	c->n_pools = 0;
}

static struct remote_nonnull_storage_pool wire(struct pool *p)
{
	struct remote_nonnull_storage_pool w = { .name = p->name };

	memcpy(w.uuid, p->uuid, 16);
	return w;
}

static struct pool *by_name(const struct client *c, const char *name)
{
	struct pool *p = c->pools;

	while (p && strcmp(p->name, name) != 0)
		p = p->next;
	return p;
}

/* The pool that begins the arguments of most rows; NULL: answered. */
static struct pool *pool_of(struct request *rq, const void *args)
{
	const struct remote_nonnull_storage_pool *w = args;
	struct pool *p = rq->c->pools;

	while (p && memcmp(p->uuid, w->uuid, 16) != 0)
		p = p->next;
	if (!p)
		reply_refuse(rq, ERR_NO_STORAGE_POOL, "no storage pool with matching name '%.200s'",
			     w->name);
	return p;
}

void pools_list(struct request *rq, const void *args)
{
	const struct remote_connect_list_all_storage_pools_args *a = args;
	struct remote_connect_list_all_storage_pools_ret ret = { .ret = rq->c->n_pools };
	struct remote_nonnull_storage_pool list[CONN_POOLS_MAX];

	for (struct pool *p = rq->c->pools; p && a->need_results; p = p->next)
		list[ret.n_pools++] = wire(p);
	ret.pools = list;
	reply_typed(rq, &ret);
}

void pools_lookup(struct request *rq, const void *args)
{
	const struct remote_storage_pool_lookup_by_name_args *a = args;
	struct remote_storage_pool_lookup_by_name_ret ret;
	struct pool *p = by_name(rq->c, a->name);

	if (!p) {
		reply_refuse(rq, ERR_NO_STORAGE_POOL, "no storage pool with matching name '%.200s'",
			     a->name);
		return;
	}
	ret.pool = wire(p);
	reply_typed(rq, &ret);
}

/* Name and path of a pool of type dir, or why not. */
static int read_xml(const char *xml, struct pool *p, struct err *err)
{
	CLEAN_ARENA struct arena *a = arena_new(POOL_XML_ARENA);
	struct xml_node *root, *name, *target, *path;
	const struct xml_attr *type;
	int rc;

	if (!a)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "no memory for the pool");
	rc = xml_parse(xml, strlen(xml), NULL, a, &root, err);
	if (rc)
		return rc;
	type = xml_node_attr(root, "type");
	if (strcmp(root->name, "pool") != 0 || !type)
		return err_set(err, -EINVAL, ERR_XML_ERROR, "this is no <pool type='...'>");
	if (strcmp(type->value, "dir") != 0)
		return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED, "storage pools of type "
			       "'%.40s' are not supported", type->value);
	name = xml_node_child(root, "name", NULL);
	target = xml_node_child(root, "target", NULL);
	path = target ? xml_node_child(target, "path", NULL) : NULL;
	if (!name || xml_is_blank(name->text) || strlen(name->text) > POOL_NAME_MAX ||
	    strpbrk(name->text, "/\n"))
		return err_set(err, -EINVAL, ERR_XML_ERROR, "the pool needs a <name> without '/'");
	if (!path || !path->text || path->text[0] != '/' || strlen(path->text) > POOL_PATH_MAX)
		return err_set(err, -EINVAL, ERR_XML_ERROR, "the pool needs an absolute <target><path>");
	snprintf(p->name, sizeof(p->name), "%s", name->text);
	snprintf(p->path, sizeof(p->path), "%s", path->text);
	return 0;
}

void pools_define(struct request *rq, const void *args)
{
	const struct remote_storage_pool_define_xml_args *a = args;
	struct remote_storage_pool_define_xml_ret ret;
	struct client *c = rq->c;
	struct pool *p = calloc(1, sizeof(*p));
	struct err err = { 0 };
	int rc;

	if (!p || getrandom(p->uuid, sizeof(p->uuid), 0) != sizeof(p->uuid))
		rc = err_set(&err, -ENOMEM, ERR_NO_MEMORY, "no memory for the pool");
	else
		rc = read_xml(a->xml, p, &err);
	if (!rc && by_name(c, p->name))
		rc = err_set(&err, -EEXIST, ERR_OPERATION_FAILED, "pool '%s' already exists", p->name);
	if (!rc && c->n_pools >= CONN_POOLS_MAX)
		rc = err_set(&err, -ENOSPC, ERR_OPERATION_FAILED, "this connection has %u pools, "
			     "no more are allowed", CONN_POOLS_MAX);
	if (rc) {
		free(p);
		reply_error(rq, &err);
		return;
	}
	p->next = c->pools;
	c->pools = p;
	c->n_pools++;
	ret.pool = wire(p);
	reply_typed(rq, &ret);
}

/* create, build, refresh, autostart: nothing to do for a folder that is there or not */
void pools_nothing(struct request *rq, const void *args)
{
	if (pool_of(rq, args))
		reply_void(rq);
}

void pools_undefine(struct request *rq, const void *args)
{
	struct pool *p = pool_of(rq, args);

	if (!p)
		return;
	for (struct pool **pp = &rq->c->pools; *pp; pp = &(*pp)->next)
		if (*pp == p) {
			*pp = p->next;
			break;
		}
	free(p);
	rq->c->n_pools--;
	reply_void(rq);
}

void pools_info(struct request *rq, const void *args)
{
	struct remote_storage_pool_get_info_ret ret = { .state = POOL_RUNNING };

	if (pool_of(rq, args))
		reply_typed(rq, &ret);
}

void pools_is_active(struct request *rq, const void *args)
{
	struct remote_storage_pool_is_active_ret ret = { .active = 1 };

	if (pool_of(rq, args))
		reply_typed(rq, &ret);
}

/* no volumes, not persistent, no autostart: zero in every one of these answers */
void pools_zero(struct request *rq, const void *args)
{
	void *ret;

	if (!pool_of(rq, args))
		return;
	ret = arena_alloc(rq->arena, ipc_row_ret(rq->row)->size);
	if (ret)
		reply_typed(rq, ret);
	else
		reply_refuse(rq, ERR_NO_MEMORY, "no memory for the answer");
}

static void put_uuid(struct xml_writer *w, const uint8_t u[16])
{
	char text[37];

	snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
		 u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	xml_open(w, "uuid");
	xml_text(w, text);
	xml_close(w);
}

void pools_xml(struct request *rq, const void *args)
{
	struct remote_storage_pool_get_xml_desc_ret ret;
	struct pool *p = pool_of(rq, args);
	struct xml_writer w;
	CLEAN_BUF struct buf b = { 0 };

	if (!p)
		return;
	buf_init(&b, REMOTE_STRING_MAX);
	xml_writer_init(&w, &b);
	xml_open(&w, "pool");
	xml_attr(&w, "type", "dir");
	xml_open(&w, "name");
	xml_text(&w, p->name);
	xml_close(&w);
	put_uuid(&w, p->uuid);
	xml_open(&w, "target");
	xml_open(&w, "path");
	xml_text(&w, p->path);
	xml_close(&w);
	xml_close(&w);
	xml_close(&w);
	if (xml_writer_finish(&w)) {
		reply_refuse(rq, ERR_NO_MEMORY, "no memory for the document");
		return;
	}
	ret.xml = (char *)(uintptr_t)buf_str(&b);
	reply_typed(rq, &ret);
}

void pools_no_volume(struct request *rq, const void *args)
{
	(void)args;
	reply_refuse(rq, ERR_NO_STORAGE_VOL, "no storage volume with matching %s",
		     rq->row->num == REMOTE_STORAGE_VOL_LOOKUP_BY_PATH ? "path" : "name");
}
