/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the host, /proc and /sys, and what all guests' programs are made of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "escape.h"

#define FIRMWARE "/usr/share/seabios/bios-256k.bin"

static int host_shadow(void)
{
	return try_open("/etc/shadow", O_RDONLY);
}

static int host_passwd(void)
{
	return try_open("/etc/passwd", O_RDONLY);
}

static int host_ssh(void)
{
	return try_open(target("ssh_key"), O_RDONLY);
}

static int host_home(void)
{
	return try_open(target("home_file"), O_RDONLY);
}

static int try_in(const char *dir)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/cordon-escape-%d", dir, (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	unlink(path);
	return 0;
}

static int host_create(void)
{
	static const char *const dirs[] = { "/", "/tmp", "/var/tmp", "/run", "/dev", "/dev/shm",
					    "/boot", "/etc", "/usr/lib", "/proc" };
	int r = try_in(dirs[0]);

	for (size_t i = 1; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		r = better(r, try_in(dirs[i]));
	return r;
}

/* What the next guest will run. */
static int program_write(void)
{
	return try_open(FIRMWARE, O_RDWR);
}

static int firmware_chmod(void)
{
	return outcome(chmod(FIRMWARE, 0644));
}

static int proc_environ(void)
{
	static const char *const keys[] = { "cordond", "core", "launch", "victim_qemu", "victim_vm" };
	int r = -ENOENT;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%ld/environ", target_number(keys[i]));
		r = better(try_open(path, O_RDONLY), r);
	}
	return r;
}

static int proc_core_pattern(void)
{
	return try_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int proc_sysrq(void)
{
	return try_open("/proc/sysrq-trigger", O_WRONLY);
}

static int proc_kcore(void)
{
	return better(try_open("/proc/kcore", O_RDONLY), try_open("/proc/kallsyms", O_RDONLY));
}

static int proc_sys_write(void)
{
	return better(try_open("/proc/sys/vm/overcommit_memory", O_WRONLY),
		      try_open("/proc/sys/kernel/modprobe", O_WRONLY));
}

static int sys_uevent(void)
{
	return better(try_open("/sys/block/loop0/uevent", O_WRONLY),
		      try_open("/sys/kernel/uevent_helper", O_WRONLY));
}

static int sys_debug(void)
{
	return better(try_open("/sys/kernel/debug", O_RDONLY | O_DIRECTORY),
		      try_open("/sys/kernel/security", O_RDONLY | O_DIRECTORY));
}

static int sys_cgroup(void)
{
	return try_open(target("victim_limit"), O_WRONLY);
}

static int sys_release_agent(void)
{
	return try_open(target("release_agent"), O_WRONLY);
}

static int sys_cgroup_leave(void)
{
	return try_open(target("root_tasks"), O_WRONLY);
}

const struct attack hostfiles_attacks[] = {
	{ "host-shadow", "read /etc/shadow", host_shadow, 0, NULL },
	{ "host-passwd", "read /etc/passwd", host_passwd, 0, NULL },
	{ "host-ssh", "read root's SSH key", host_ssh, 0, "ssh_key" },
	{ "host-home", "read a user's home", host_home, 0, "home_file" },
	{ "host-create", "create a file anywhere: /, /tmp, /var/tmp, /run, /dev, ...", host_create, 0,
	  NULL },
	{ "host-program", "change the programs or firmware that other guests run", program_write,
	  A_GUEST, NULL },
	{ "host-firmware-mode", "change the mode of firmware files", firmware_chmod, 0, NULL },
	{ "proc-environ", "read the environment of Cordon's processes in /proc", proc_environ, 0, "cordond" },
	{ "proc-core-pattern", "write /proc/sys/kernel/core_pattern", proc_core_pattern, 0, NULL },
	{ "proc-sysrq", "write /proc/sysrq-trigger", proc_sysrq, 0, NULL },
	{ "proc-kcore", "read /proc/kcore or kallsyms", proc_kcore, 0, NULL },
	{ "proc-sys", "write kernel settings below /proc/sys", proc_sys_write, 0, NULL },
	{ "sys-uevent", "write a uevent helper or event below /sys", sys_uevent, 0, NULL },
	{ "sys-debug", "look into debugfs or securityfs", sys_debug, 0, NULL },
	{ "sys-limit", "change a control group's limit", sys_cgroup, A_GUEST, "victim_limit" },
	{ "sys-release-agent", "write a control group's release_agent", sys_release_agent, 0,
	  "release_agent" },
	{ "sys-leave", "leave one's control group", sys_cgroup_leave, 0, "root_tasks" },
	{ 0 },
};
