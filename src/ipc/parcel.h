/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open file, handed on unopened. Who takes a file of FUSE or a network file system out of its
 * table of descriptors, by close(2), dup2(2) or its own end, waits for the server, and no signal
 * ends that. So a room for which others wait never has one: it gets a socket in whose queue the
 * file lies (unix(7), SCM_RIGHTS). To close that asks no server.
 */
#ifndef CORDON_IPC_PARCEL_H
#define CORDON_IPC_PARCEL_H

/*
 * Replace *fd by a parcel of it. What it was is closed before this returns, so that a server that
 * is silent by then is met here. 0; or -errno and *fd is as it was.
 */
int parcel_wrap(int *fd);

/*
 * Replace what `fd` is by the file in it, which stays in the parcel, too: others may have that from
 * it as well. 0, also when `fd` is no socket; -EBADMSG for another socket than a parcel; -errno.
 */
int parcel_unwrap(int fd);

#endif
