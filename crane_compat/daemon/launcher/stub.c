/*
 * What the commands in PREFIX/bin are: hands its call to the launcher of the
 * cluster and waits for the exit status.
 *
 * The launcher (launcher.py) has everything imported already; a child of it
 * runs the command as the calling user, on the descriptors passed here.  Where
 * no launcher answers, or the command needs the terminal's job control, the
 * command runs in an interpreter of its own, in this process.
 *
 * Compiled with -DCRANE_PYTHON="…" -DCRANE_SYSCONFDIR="…".  The message is
 * described in request.py; stub.py does the same where there is no compiler.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

#define MAX_FDS 250
#define CWD 0xffffffffu

extern char **environ;

static int closed[3];                    /* standard descriptors that the caller closed */
static int launcher = -1;                /* the connection */
static volatile sig_atomic_t child = -1; /* pidfd of the process that runs the command */
static volatile sig_atomic_t coming;     /* its pidfd has been seen to arrive */
static volatile uint64_t early;          /* signals to pass on to it once it is known */

static const int FORWARDED[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT};

/* Whether the child is there, or on its way: then what it cannot be told yet is kept for it. */
static int keep_for_child(int sig)
{
	struct pollfd reading = {.fd = launcher, .events = POLLIN};

	if (!coming && poll(&reading, 1, 0) != 1)
		return 0;
	early |= 1ull << sig;
	return 1;
}

static void tell_child(int sig)
{
	int saved = errno;

	if (child >= 0)
		syscall(SYS_pidfd_send_signal, child, sig, NULL, 0);
	else if (!keep_for_child(sig) && sig != SIGCONT && sig != SIGWINCH) {
		signal(sig, SIG_DFL); /* nothing of the command has run: this process is all there is to end */
		raise(sig);
	}
	errno = saved;
}

static void suspend(int sig)
{
	if (child < 0 && keep_for_child(sig))
		return;
	if (child >= 0)
		tell_child(SIGSTOP);
	kill(getpid(), SIGSTOP);
	if (child >= 0)
		tell_child(SIGCONT);
}

/* Run the command in this process. */
static void run_here(const char *name, int argc, char **argv)
{
	char **args = calloc(argc + 8, sizeof *args);
	int n = 0;

	args[n++] = (char *)CRANE_PYTHON;
	args[n++] = (char *)"-I";
	args[n++] = (char *)"-X";
	args[n++] = (char *)"utf8";
	args[n++] = (char *)"-m";
	args[n++] = (char *)"crane_compat.commands";
	args[n++] = (char *)name;
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	for (int fd = 0; fd < 3; fd++)
		if (closed[fd])
			close(fd);
	setenv("CRANE_SYSCONFDIR", CRANE_SYSCONFDIR, 1);
	execv(CRANE_PYTHON, args);
	dprintf(2, "%s: error: cannot run %s: %s\n", name, CRANE_PYTHON, strerror(errno));
	exit(127);
}

/* On a terminal, salloc's shell, srun's tasks and scrontab's editor need the job control of this process's session. */
static int needs_terminal(const char *name)
{
	return (!strcmp(name, "salloc") || !strcmp(name, "srun") || !strcmp(name, "scrontab")) && isatty(0);
}

/* The launcher's socket: named after the real path of slurm.conf (paths.py has the same rule). */
static int connect_launcher(void)
{
	char real[PATH_MAX];
	const char *conf = getenv("SLURM_CONF");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t size = sizeof peer;
	uint64_t hash = 0xcbf29ce484222325u;
	int sock;

	if (!conf || !*conf)
		conf = CRANE_SYSCONFDIR "/slurm.conf";
	if (!realpath(conf, real))
		return -1;
	for (const unsigned char *c = (const unsigned char *)real; *c; c++)
		hash = (hash ^ *c) * 0x100000001b3u;
	snprintf(address.sun_path, sizeof address.sun_path, "/run/crane/%016llx/cmd.sock", (unsigned long long)hash);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -1;
	if (connect(sock, (struct sockaddr *)&address, sizeof address) ||
	    getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.uid != 0) {
		close(sock); /* descriptors are handed to root only */
		return -1;
	}
	return sock;
}

static char *put(char *at, const void *data, size_t size)
{
	memcpy(at, data, size);
	return at + size;
}

static char *put32(char *at, uint32_t value)
{
	return put(at, &value, sizeof value);
}

static uint64_t ignored_signals(void)
{
	uint64_t mask = 0;
	struct sigaction action;

	for (int sig = 1; sig < 32; sig++)
		if (!sigaction(sig, NULL, &action) && action.sa_handler == SIG_IGN)
			mask |= 1ull << sig;
	return mask;
}

/* Nothing of ours may take the place of a closed standard descriptor. */
static void reserve_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			closed[fd] = 1;
			if (open("/dev/null", O_RDWR) != fd)
				exit(127);
		}
}

/* The open descriptors, the working directory first; their number, -1 where that cannot be passed on. */
static int open_fds(int sock, int *fds, uint32_t *numbers)
{
	int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	DIR *list = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = 0;

	if (cwd < 0)
		return -1;
	fds[n] = cwd;
	numbers[n++] = CWD;
	for (int fd = 0; fd < 3; fd++)
		if (!closed[fd]) {
			fds[n] = fd;
			numbers[n++] = fd;
		}
	if (!list)
		return n;
	while ((entry = readdir(list)) && n < MAX_FDS) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || fd < 3 || fd == cwd || fd == sock || fd == dirfd(list))
			continue;
		fds[n] = fd;
		numbers[n++] = fd;
	}
	closedir(list);
	return n;
}

static int send_all(int sock, const char *data, size_t size)
{
	while (size) {
		ssize_t sent = send(sock, data, size, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		data += sent;
		size -= sent;
	}
	return 0;
}

static int send_call(int sock, const char *name, int argc, char **argv, uint64_t ignored)
{
	int fds[MAX_FDS + 4];
	uint32_t numbers[MAX_FDS + 4];
	union {
		char space[CMSG_SPACE(sizeof fds)];
		struct cmsghdr align;
	} control;
	struct msghdr message = {0};
	struct iovec part;
	struct cmsghdr *header;
	uint32_t envc = 0;
	mode_t mask = umask(0);
	int nfds = open_fds(sock, fds, numbers);
	size_t total = 12 + 32 + 4 * nfds + strlen(CRANE_SYSCONFDIR) + 1 + strlen(name) + 1;
	char *buffer, *at;
	ssize_t sent;

	umask(mask);
	if (nfds < 0)
		return -1;
	for (int i = 1; i < argc; i++)
		total += strlen(argv[i]) + 1;
	for (char **e = environ; *e; e++, envc++)
		total += strlen(*e) + 1;
	if (total > UINT32_MAX || !(buffer = malloc(total)))
		return -1;
	at = put(buffer, "CRN1", 4);
	at = put32(at, (uint32_t)(total - 12));
	at = put32(at, nfds);
	at = put32(at, mask);
	at = put32(at, (uint32_t)getsid(0));
	at = put(at, &ignored, sizeof ignored);
	at = put32(at, (uint32_t)argc);
	at = put32(at, envc);
	at = put32(at, nfds);
	at = put32(at, 0);
	at = put(at, numbers, 4 * nfds);
	at = put(at, CRANE_SYSCONFDIR, strlen(CRANE_SYSCONFDIR) + 1);
	at = put(at, name, strlen(name) + 1);
	for (int i = 1; i < argc; i++)
		at = put(at, argv[i], strlen(argv[i]) + 1);
	for (char **e = environ; *e; e++)
		at = put(at, *e, strlen(*e) + 1);

	part.iov_base = buffer;
	part.iov_len = total;
	message.msg_iov = &part;
	message.msg_iovlen = 1;
	message.msg_control = control.space;
	message.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
	header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
	memcpy(CMSG_DATA(header), fds, sizeof(int) * nfds);
	do
		sent = sendmsg(sock, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : send_all(sock, buffer + sent, total - sent);
}

/* Wait for 'P' and the child's pidfd: before that nothing of the command has run. */
static int await_child(int sock)
{
	char kind = 0;
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {&kind, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
				 .msg_controllen = sizeof control.space};
	struct cmsghdr *header;
	ssize_t got;
	int pidfd;

	do
		got = recv(sock, &kind, 1, MSG_PEEK);
	while (got < 0 && errno == EINTR);
	coming = got == 1 && kind == 'P';
	do
		got = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != 1 || kind != 'P')
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&pidfd, CMSG_DATA(header), sizeof pidfd);
	child = pidfd;
	for (int sig = 1; sig < 32; sig++)
		if (early >> sig & 1)
			(sig == SIGTSTP ? suspend : tell_child)(sig);
	return 0;
}

static void forward_signals(uint64_t ignored)
{
	struct sigaction action = {0};

	sigemptyset(&action.sa_mask);
	action.sa_flags = SA_RESTART;
	action.sa_handler = tell_child;
	for (size_t i = 0; i < sizeof FORWARDED / sizeof *FORWARDED; i++)
		if (!(ignored >> FORWARDED[i] & 1))
			sigaction(FORWARDED[i], &action, NULL);
	action.sa_handler = suspend;
	if (!(ignored >> SIGTSTP & 1))
		sigaction(SIGTSTP, &action, NULL);
}

/* End as the command's process ended: its exit status, or its signal. */
static int end(int sock)
{
	unsigned char answer[6];
	size_t got = 0;
	int32_t value;

	while (got < sizeof answer) {
		ssize_t n = recv(sock, answer + got, sizeof answer - got, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 1; /* launcher and child are both gone */
		got += n;
	}
	memcpy(&value, answer + 2, sizeof value);
	if (answer[1] == 'S') {
		struct rlimit none = {0, 0};
		sigset_t only;

		setrlimit(RLIMIT_CORE, &none);
		signal(value, SIG_DFL);
		sigemptyset(&only);
		sigaddset(&only, value);
		sigprocmask(SIG_UNBLOCK, &only, NULL);
		kill(getpid(), value);
		return 128 + value;
	}
	return value;
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "";
	uint64_t ignored = ignored_signals();
	int sock;

	reserve_standard_fds();
	if (needs_terminal(name) || (sock = connect_launcher()) < 0)
		run_here(name, argc, argv);
	launcher = sock;
	forward_signals(ignored);
	if (send_call(sock, name, argc, argv, ignored) || await_child(sock)) {
		close(sock);
		run_here(name, argc, argv);
	}
	return end(sock);
}
