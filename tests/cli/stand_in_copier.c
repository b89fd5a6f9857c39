// SPDX-License-Identifier: GPL-3.0-or-later
//
// A stand-in for what copies kernels and images to where a boot loader reads them (kernelstub(8)
// 4.0, proxmox-boot-tool(8)), which are written in Python and in shell, in the sysroots of the
// tests. It is static, so that it runs in a root that holds no library. Like kernelstub it writes
// into the file that is there (shutil.copy).
//
// The file /etc/stand-in-copier tells it what to copy, a line each:
//   SOURCE TARGET   copies the file
//   half TARGET     leaves half of it there, and says nothing
//   fail            ends with exit status 1
// It adds a line to /run/stand-in-copier.log each time.

#include <stdio.h>
#include <string.h>

static int copy(const char* source, const char* target) {
  char piece[65536];
  FILE* from = fopen(source, "r");
  FILE* to = from == NULL ? NULL : fopen(target, "w");
  if (to == NULL) {
    perror(from == NULL ? source : target);
    return 1;
  }
  int bad = 0;
  for (;;) {
    const size_t size = fread(piece, 1, sizeof piece, from);
    if (size == 0) break;
    if (fwrite(piece, 1, size, to) != size) bad = 1;
  }
  if (fclose(to) != 0) bad = 1;
  fclose(from);
  if (bad) fprintf(stderr, "%s: No space left on device\n", target);
  return bad;
}

int main(void) {
  FILE* log = fopen("/run/stand-in-copier.log", "a");
  if (log != NULL) fputs("copied\n", log);
  if (log != NULL) fclose(log);
  FILE* list = fopen("/etc/stand-in-copier", "r");
  if (list == NULL) return 0;
  char line[1024];
  int bad = 0;
  while (fgets(line, sizeof line, list) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char* target = strchr(line, ' ');
    if (strcmp(line, "fail") == 0) bad = 1;
    if (target == NULL) continue;
    *target++ = '\0';
    if (strcmp(line, "half") == 0) {
      FILE* file = fopen(target, "w");
      if (file != NULL) fputs("070701", file);
      if (file != NULL) fclose(file);
    } else if (copy(line, target) != 0) {
      bad = 1;
    }
  }
  fclose(list);
  return bad;
}
