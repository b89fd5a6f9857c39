// SPDX-License-Identifier: GPL-3.0-or-later
//
// A stand-in for update-initramfs(8) in the sysroots of the tests. It is static, so that it runs
// in a root that holds no library. Like the real one it writes IMAGE.new and renames it.
//
//   update-initramfs -u -k VERSION
//
// The file /etc/stand-in-initramfs tells it how to behave, a word and its value a line:
//   say WORDS      prints WORDS on standard output
//   fail VERSION   for that kernel: writes half of IMAGE.new, complains, removes it, exit status 1
//   wait           makes /run/stand-in-waits, and goes on when that is gone (at most a minute)
//   stubborn       from then on a signal that asks it to end is ignored
//   child          a child of its own waits so instead, and then writes IMAGE; it waits for the
//   child half           IMAGE becomes half an image, and the exit status 1 delete         IMAGE is
//   removed, and the exit status 1 die            once IMAGE is replaced it is killed by SIGKILL
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* const waits = "/run/stand-in-waits";

static void wait_for_the_test(void) {
  FILE* mark = fopen(waits, "w");
  if (mark == NULL) {
    perror(waits);
    exit(1);
  }
  fclose(mark);
  for (int i = 0; i < 1200 && access(waits, F_OK) == 0; ++i) usleep(50000);
}

enum end { well, fails, half, deletes, dies };

static void write_image(const char* path, const char* text) {
  FILE* file = fopen(path, "w");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

// How it is to end for this kernel.
static enum end behave(const char* version, const char* image) {
  FILE* file = fopen("/etc/stand-in-initramfs", "r");
  if (file == NULL) return well;
  enum end end = well;
  char line[256];
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "say ", 4) == 0) puts(line + 4);
    if (strncmp(line, "fail ", 5) == 0 && strcmp(line + 5, version) == 0) end = fails;
    if (strcmp(line, "stubborn") == 0) signal(SIGTERM, SIG_IGN);
    if (strcmp(line, "wait") == 0) wait_for_the_test();
    if (strcmp(line, "half") == 0) end = half;
    if (strcmp(line, "delete") == 0) end = deletes;
    if (strcmp(line, "die") == 0) end = dies;
    if (strcmp(line, "child") == 0) {
      if (fork() == 0) {
        wait_for_the_test();
        write_image(image, "written behind everybody's back\n");
        _exit(0);
      }
      wait(NULL);
    }
  }
  fclose(file);
  return end;
}

int main(int argc, char** argv) {
  if (argc != 4 || strcmp(argv[1], "-u") != 0 || strcmp(argv[2], "-k") != 0) {
    fprintf(stderr, "stand-in: usage: update-initramfs -u -k VERSION\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  char image[512];
  char fresh[520];
  snprintf(image, sizeof image, "/boot/initrd.img-%s", argv[3]);
  snprintf(fresh, sizeof fresh, "%s.new", image);
  printf("update-initramfs: Generating %s\n", image);
  const enum end end = behave(argv[3], image);
  if (end == deletes) {
    unlink(image);
    return 1;
  }
  FILE* file = fopen(fresh, "w");
  if (file == NULL) {
    perror(fresh);
    return 1;
  }
  fprintf(file, "built by the stand-in for ");
  if (end == fails) {
    fclose(file);
    fprintf(stderr, "cp: error writing '%s': No space left on device\n", fresh);
    fprintf(stderr, "update-initramfs: failed for %s with 1.\n", image);
    unlink(fresh);
    return 1;
  }
  if (end != half) fprintf(file, "%s\n", argv[3]);
  if (fclose(file) != 0 || rename(fresh, image) != 0) {
    perror(fresh);
    return 1;
  }
  if (end == dies) raise(SIGKILL);
  return end == half ? 1 : 0;
}
