// SPDX-License-Identifier: GPL-3.0-or-later
//
// A stand-in for any tool in the sysroots of the tests whose work the test itself does: it passes
// its name and its arguments on to the socket /run/stand-in, each with a NUL at its end, and waits
// for the answer: the exit status as one byte, and then what is printed. It is static, so that it
// runs in a root that holds no library. tests/cli/boot_tools.py is the other end.

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/stand-in"};
  const int test = socket(AF_UNIX, SOCK_STREAM, 0);
  if (test < 0 || connect(test, (const struct sockaddr*)&address, sizeof address) != 0) {
    perror(address.sun_path);
    return 1;
  }
  const char* name = strrchr(argv[0], '/');
  if (name != NULL) argv[0] += name + 1 - argv[0];
  for (int i = 0; i < argc; ++i) {
    if (write(test, argv[i], strlen(argv[i]) + 1) < 0) return 1;
  }
  shutdown(test, SHUT_WR);
  unsigned char status = 1;
  if (read(test, &status, 1) != 1) return 1;
  char text[4096];
  for (ssize_t size; (size = read(test, text, sizeof text)) > 0;) {
    if (write(STDOUT_FILENO, text, (size_t)size) != size) return 1;
  }
  return status;
}
