/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract between cordon-launch's stage S, which becomes cordon-vm by
 * exec, and cordon-vm: what is open at exec, what the guest's folder holds, and
 * what travels over the two small sockets between them. Nothing but constants,
 * so that both rooms may include it.
 *
 * State at exec: working directory is the guest's folder, descriptor 0 and 1 are
 * /dev/null, 2 is Cordon's log, 3 and up as below, none of them close-on-exec, all others
 * closed. One argument (argv[0]). Still stage S's uid and capabilities: a chroot before exec
 * would need vm's libraries inside. So the first thing that vm does, before it reads a byte from
 * anybody, is sandbox_enter(): root is the working directory, uid and gid are the owner's of
 * VM_FD_JOURNAL (never 0), no supplementary group, no capability, no-new-privs, seccomp.
 */
#ifndef CORDON_VM_VM_FDS_H
#define CORDON_VM_VM_FDS_H

/* SOCK_SEQPACKET: vm's end of the channel that core made. Programs vm and vmup. */
#define VM_FD_CORE 3

/*
 * SOCK_STREAM to the cage child, which waits for its argument list there: the words
 * are those of sandbox/execargs.h. Not open in a replacement (RESPAWN): QEMU runs
 * already.
 */
#define VM_FD_ARGS 4

/*
 * pidfd of QEMU, the first process of its pid namespace. vm is its parent
 * unless it is a replacement; QEMU has another uid: vm watches it, reaps it, asks it
 * to quit, and cannot signal it. Opened by pid and checked against the start time.
 */
#define VM_FD_QEMU 5

/*
 * Directory /proc/PID of QEMU in the host's /proc, O_RDONLY|O_DIRECTORY, opened as root:
 * stat, task/TID/stat, task/TID/status.
 */
#define VM_FD_PROC 6

/*
 * The guest's log (O_RDWR|O_APPEND) and the file behind it, "NAME.log.0"
 * (O_RDWR). When the log passes guest_log_max vm copies it to the latter
 * and truncates it; neither is ever renamed.
 */
#define VM_FD_LOG 7
#define VM_FD_LOG_OLD 8

/*
 * State of this vm (O_RDWR, a regular file in the guest's folder that only vm reads; kept
 * for a replacement; stage S makes it empty at START and never looks inside).
 */
#define VM_FD_JOURNAL 9

/*
 * Listening SOCK_SEQPACKET socket, bound by stage S as VM_SOCK_NAME in the guest's folder,
 * mode 0600 and root's; nobody but vm holds it. How a new core reaches a vm that lives
 * (RESPAWN): launch connects and hands the connected socket, unread, to core; vm checks by
 * SO_PEERCRED that uid 0 connected, drops its old channel, if it has one, and serves this
 * one. A refused connection: vm is dead, launch starts a replacement, for which it binds
 * VM_SOCK_NAME anew.
 */
#define VM_FD_LISTEN 10
#define VM_SOCK_NAME "vm.sock"

/*
 * Read end (O_RDONLY|O_NONBLOCK) of the FIFO VM_FIFO_NAME in the guest's folder, which is
 * QEMU's descriptor 1 and 2, passt's and swtpm's 2. They hold it O_RDWR|O_NONBLOCK, so that neither a
 * dead nor a slow reader breaks or stops them: what does not fit is lost.
 */
#define VM_FD_FIFO 11
#define VM_FIFO_NAME "log.fifo"

/*
 * The file "picture" in the guest's folder, opened twice: for reading (O_RDONLY), and for QEMU to draw
 * screenshots into (O_WRONLY: QEMU takes nothing else for it). Empty between two screenshots.
 */
#define VM_FD_PICTURE 12
#define VM_FD_PICTURE_OUT 13
#define VM_PICTURE_NAME "picture"

/*
 * Masters of the pseudo terminals, VM_FD_PTY + i for i < launch_start_args.n_ptys,
 * without gaps; nothing is open above the last. Number i belongs to the i-th
 * character device of source type pty in the order of the CHARDEV rows of
 * launch_start_args.fds (serials, consoles that stand for no serial, channels).
 * Launch sets raw mode and the slave's owner, and opens and closes the slave once, so that
 * the master knows that nobody is there yet.
 */
#define VM_FD_PTY 14

/*
 * Sockets in the guest's folder that QEMU listens on (SOCK_STREAM, bound and listening
 * before QEMU starts, backlog 1 or more), mode 0600, owned by vm's uid:
 * the monitors, by guest_fd.index, and the character devices, by
 * guest_fd.depth (enum dom_chr_kind: 1 serial, 2 console, 3 channel) and guest_fd.index.
 */
#define VM_MONITOR_NAME "monitor-%u"
#define VM_CHARDEV_NAME "chardev-%u-%u"

/* vm needs search permission on the folder, no write permission: it makes no file there. */

#endif
