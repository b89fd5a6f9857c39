// SPDX-License-Identifier: GPL-3.0-or-later
//
//     measure COMMAND [ARGUMENT...]
//
// Runs a command without its output, and prints how long it took (ns), its peak memory (KiB) and
// its exit status. A small program, since a child's peak begins with that of the process that
// started it: below Python every command would seem to need Python's memory.

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fputs("usage: measure COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const long long begin = now();
  const pid_t child = vfork();
  if (child == 0) {
    dup2(null, STDOUT_FILENO);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
    perror("measure");
    return 1;
  }
  printf("%lld %ld %d\n", now() - begin, usage.ru_maxrss,
         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
