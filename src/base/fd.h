/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors with an owner. */
#ifndef CORDON_BASE_FD_H
#define CORDON_BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

/* Close *fd if it is open and set it to -1. errno is kept. */
void fd_close(int *fd);
#define CLEAN_FD __attribute__((cleanup(fd_close)))

/* Close each of fds[0..n) and set it to -1. */
void fd_close_all(int *fds, size_t n);

/* Hand the descriptor on: returns *fd and leaves -1 behind. */
static inline int take_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#define take_ptr(p) (__extension__({ __typeof__(p) take_ = (p); (p) = NULL; take_; }))

/* Write all of it, retrying on EINTR and short writes. 0 or -errno. */
int fd_write_all(int fd, const void *p, size_t n);

/* Read up to `max` bytes until end of file. Bytes read or -errno; -EFBIG when there is more. */
ssize_t fd_read_all(int fd, void *p, size_t max);

int fd_set_cloexec(int fd, int on);
int fd_set_nonblock(int fd, int on);

#endif
