/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device nodes, and what ioctl() can do with the files one has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "escape.h"

static int mem(void)
{
	return better(try_open("/dev/mem", O_RDWR), try_open("/dev/port", O_RDWR));
}

static int kmsg(void)
{
	return better(try_open("/dev/kmsg", O_RDWR), try_open("/proc/kmsg", O_RDONLY));
}

static int disk(void)
{
	return read_secret(target("victim_block"));
}

static int mapper(void)
{
	return better(try_open("/dev/mapper/control", O_RDWR), try_open("/dev/dm-0", O_RDONLY));
}

static int loop(void)
{
	return better(try_open("/dev/loop-control", O_RDWR), try_open("/dev/loop0", O_RDWR));
}

static int fuse(void)
{
	return try_open("/dev/fuse", O_RDWR);
}

static int tun(void)
{
	return try_open("/dev/net/tun", O_RDWR);
}

static int vhost(void)
{
	return better(try_open("/dev/vhost-net", O_RDWR), try_open("/dev/vhost-vsock", O_RDWR));
}

static int vfio(void)
{
	return try_open("/dev/vfio/vfio", O_RDWR);
}

/* This guest runs without KVM. */
static int kvm(void)
{
	return try_open("/dev/kvm", O_RDWR);
}

static int fault(void)
{
	return try_open("/dev/userfaultfd", O_RDWR);
}

static int ptmx(void)
{
	return better(try_open("/dev/ptmx", O_RDWR), try_open("/dev/pts/ptmx", O_RDWR));
}

static int victim_pty(void)
{
	return try_open(target("victim_pty"), O_RDWR);
}

static int console(void)
{
	return better(try_open("/dev/console", O_RDWR), try_open("/dev/tty1", O_RDWR));
}

static int pci(void)
{
	return better(try_open("/dev/vga_arbiter", O_RDWR), try_open("/dev/cpu/0/msr", O_RDWR));
}

static int shm_dir(void)
{
	return try_open(target("victim_shm_file"), O_RDWR);
}

/* Bytes typed into whatever terminal one has. */
static int type_keys(void)
{
	char c = '\n';
	int fd = uncaged ? open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) : 0;
	int r = outcome(ioctl(fd, TIOCSTI, &c));

	/* where the kernel keeps the old ways: any terminal of one's own */
	if (uncaged && fd >= 0)
		close(fd);
	return r;
}

/* A room has none: void. */
static int some_disk(void)
{
	return uncaged ? open(target("victim_image"), O_RDONLY | O_CLOEXEC) : own_disk;
}

/* Which blocks of the raw disk a file has. */
static int block_map(void)
{
	int fd = some_disk(), block = 0, r;

	if (fd < 0)
		return ESCAPE_VOID;
	r = outcome(ioctl(fd, FIBMAP, &block));
	if (uncaged && fd >= 0)
		close(fd);
	return r;
}

/* Freeze the file system that all guests' images lie on; a folder of the control thaws again. */
static int freeze(void)
{
	int fd = uncaged ? open(target("freezable"), O_RDONLY | O_CLOEXEC) : some_disk(), r;

	if (fd < 0)
		return ESCAPE_VOID;
	r = outcome(ioctl(fd, FIFREEZE, 0));
	if (r == 0)
		ioctl(fd, FITHAW, 0);
	if (uncaged && fd >= 0)
		close(fd);
	return r;
}

static int immutable(void)
{
	int fd = some_disk(), flags = 0, r;

	if (fd < 0)
		return ESCAPE_VOID;
	r = outcome(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	flags |= FS_IMMUTABLE_FL;
	if (r == 0)
		r = outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	flags &= ~FS_IMMUTABLE_FL;
	if (r == 0)
		r = outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	if (uncaged && fd >= 0)
		close(fd);
	return r;
}

const struct attack devices_attacks[] = {
	{ "dev-mem", "/dev/mem, /dev/port", mem, A_GUEST, NULL },
	{ "dev-kmsg", "/dev/kmsg, /proc/kmsg", kmsg, 0, NULL },
	{ "dev-disk", "another guest's block device", disk, A_GUEST, "victim_block" },
	{ "dev-mapper", "device mapper", mapper, A_GUEST, NULL },
	{ "dev-loop", "loop devices", loop, 0, NULL },
	{ "dev-fuse", "/dev/fuse", fuse, 0, NULL },
	{ "dev-tun", "/dev/net/tun", tun, 0, NULL },
	{ "dev-vhost", "/dev/vhost-net, /dev/vhost-vsock", vhost, 0, NULL },
	{ "dev-vfio", "/dev/vfio/vfio", vfio, 0, NULL },
	{ "dev-kvm", "/dev/kvm, in a guest without it", kvm, 0, NULL },
	{ "dev-userfaultfd", "/dev/userfaultfd", fault, 0, NULL },
	{ "dev-ptmx", "a new terminal", ptmx, 0, NULL },
	{ "victim-pty", "another guest's console terminal", victim_pty, A_GUEST, "victim_pty" },
	{ "dev-console", "the host's console", console, 0, NULL },
	{ "dev-odd", "VGA arbiter, MSRs", pci, 0, NULL },
	{ "dev-shm", "a file of the host in /dev/shm", shm_dir, 0, "victim_shm_file" },
	{ "tiocsti", "type into a terminal (TIOCSTI)", type_keys, 0, NULL },
	{ "disk-map", "learn where on the host's disk one's image lies (FIBMAP)", block_map, 0, NULL },
	{ "disk-freeze", "freeze the images' file system (FIFREEZE)", freeze, A_GUEST, "freezable" },
	{ "disk-immutable", "make one's image immutable for the host", immutable, 0, NULL },
	{ 0 },
};
