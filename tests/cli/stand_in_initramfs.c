// SPDX-License-Identifier: GPL-3.0-or-later
//
// A stand-in for update-initramfs(8) and dracut(8) in the sysroots of the tests. It is static, so
// that it runs in a root that holds no library. Like the real ones it writes IMAGE.new and renames
// it, while IMAGE.dpkg-bak is a second name for the image, or writes in place and removes what it
// could not finish.
//
//   update-initramfs -u -k VERSION
//   dracut --force IMAGE VERSION
//
// The image is an uncompressed cpio archive like mkinitramfs makes it: the file built-by,
// modprobe.d, conf/modules (with vfio-pci, while passthrough is enabled, as the package's hook asks
// for), the module indices, and of the modules those of vfio.
//
// The file /etc/stand-in-initramfs tells it how to behave, a word and its value a line:
//   say WORDS      prints WORDS on standard output
//   environment    prints its environment and its umask
//   fail VERSION   for that kernel: writes half of IMAGE.new, complains, removes it, exit status 1
//   forget PATH    what begins so is left out of the image
//   early MODULE   is loaded before vfio-pci
//   wait           makes /run/stand-in-waits, and goes on when that is gone (at most a minute)
//   stubborn       from then on a signal that asks it to end is ignored
//   child          a child of its own waits so instead, and then writes IMAGE; it waits for the
//                  child
//   half           IMAGE becomes half an image, and the exit status 1
//   spoil PATH     what copies the image for the boot loader leaves half of it at PATH
//   delete         IMAGE is removed, and the exit status 1
//   vanish         IMAGE is removed, and the exit status 0
//   hook PATH      once IMAGE is replaced that program is run, and decides about the exit status
//   die            once IMAGE is replaced it is killed by SIGKILL

#define _GNU_SOURCE
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static FILE* image;
static char forgotten[256];
static char early[256];
static char hook[256];
static int dracut;        // and not update-initramfs
static const char* only;  // of the files in a directory those whose name begins so

// A member of the archive: a directory, or a file with `content`.
static void member(const char* path, unsigned mode, const char* content, size_t size) {
  static unsigned inode;
  static const char zeros[4];
  if (forgotten[0] != '\0' && strncmp(path, forgotten, strlen(forgotten)) == 0) return;
  const size_t name = strlen(path) + 1;
  fprintf(image, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ++inode, mode, 0,
          0, 1, 0, size, 0, 0, 0, 0, name, 0);
  fwrite(path, 1, name, image);
  fwrite(zeros, 1, (4 - (110 + name) % 4) % 4, image);
  fwrite(content, 1, size, image);
  fwrite(zeros, 1, (4 - size % 4) % 4, image);
}

static int copy(const char* path, const struct stat* status, int type, struct FTW* at) {
  if (type == FTW_D && only == NULL) member(path + 1, S_IFDIR | 0755, NULL, 0);
  if (type != FTW_F || (only != NULL && strncmp(path + at->base, only, strlen(only)) != 0))
    return 0;
  FILE* file = fopen(path, "r");
  char* content = malloc((size_t)status->st_size + 1);
  if (file == NULL || content == NULL) return 1;
  member(path + 1, S_IFREG | 0644, content, fread(content, 1, (size_t)status->st_size, file));
  free(content);
  fclose(file);
  return 0;
}

static void copy_tree(const char* path, const char* names) {
  only = names;
  nftw(path, copy, 16, FTW_PHYS);
}

// What the package's hook adds where a card is bound by address.
static int copy_by_address(void) {
  FILE* list = fopen("/etc/vfio-switch/override", "r");
  char line[256];
  int entries = 0;
  while (list != NULL && fgets(line, sizeof line, list) != NULL) {
    entries += strspn(line, "0123456789abcdef") == 4;
  }
  if (list != NULL) fclose(list);
  if (entries == 0) return 0;
  const char* directories[] = {"etc/vfio-switch", "usr", "usr/lib", "usr/lib/vfio-switch"};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; ++i) {
    member(directories[i], S_IFDIR | 0755, NULL, 0);
  }
  copy_tree("/etc/vfio-switch", "override");
  copy_tree("/usr/lib/vfio-switch", "bind");
  member(dracut ? "lib/dracut/hooks/pre-udev/00-vfio-switch-bind.sh"
                : "scripts/init-top/00-vfio-switch",
         S_IFREG | 0755, NULL, 0);
  return 1;
}

static void write_image(const char* version) {
  const char* of_initramfs_tools[] = {"conf",        "etc",     "etc/modprobe.d",  "lib",
                                      "lib/modules", "scripts", "scripts/init-top"};
  const char* of_dracut[] = {"etc",         "etc/cmdline.d", "etc/modprobe.d",  "lib",
                             "lib/modules", "lib/dracut",    "lib/dracut/hooks"};
  const char** directories = dracut ? of_dracut : of_initramfs_tools;
  for (size_t i = 0; i < sizeof of_dracut / sizeof *of_dracut; ++i) {
    member(directories[i], S_IFDIR | 0755, NULL, 0);
  }
  if (dracut) member("lib/dracut/hooks/pre-udev", S_IFDIR | 0755, NULL, 0);
  char text[1024];
  snprintf(text, sizeof text, "built by the stand-in for %s\n", version);
  member("built-by", S_IFREG | 0644, text, strlen(text));
  if (!dracut) member("scripts/functions", S_IFREG | 0644, NULL, 0);
  if (!dracut) member("scripts/init-top/udev", S_IFREG | 0755, NULL, 0);
  copy_tree("/etc/modprobe.d", NULL);
  copy_tree("/lib/modprobe.d", NULL);
  const int by_address = copy_by_address();
  FILE* state = fopen("/var/lib/vfio-switch/state.json", "r");
  int enabled = 0;
  while (state != NULL && fgets(text, sizeof text, state) != NULL) {
    if (strstr(text, "\"intent\": \"enabled\"") != NULL) enabled = 1;
  }
  if (state != NULL) fclose(state);
  if (dracut) {
    snprintf(text, sizeof text, "rd.driver.pre=%s\n", by_address ? "" : "vfio_pci");
    if (enabled) member("etc/cmdline.d/20-vfio-switch.conf", S_IFREG | 0644, text, strlen(text));
  } else {
    snprintf(text, sizeof text, "%s\n%s", early, enabled ? "vfio-pci\n" : "");
    member("conf/modules", S_IFREG | 0644, text, strlen(text));
  }
  char path[512];
  snprintf(path, sizeof path, "/lib/modules/%s", version);
  member(path + 1, S_IFDIR | 0755, NULL, 0);
  copy_tree(path, "modules.");
  const char* parts[] = {"", "/drivers", "/virt"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
    snprintf(path, sizeof path, "lib/modules/%s/kernel%s", version, parts[i]);
    member(path, S_IFDIR | 0755, NULL, 0);
  }
  snprintf(path, sizeof path, "/lib/modules/%s/kernel/drivers/vfio", version);
  copy_tree(path, NULL);
  snprintf(path, sizeof path, "/lib/modules/%s/kernel/virt/lib", version);
  copy_tree(path, NULL);
  if (early[0] != '\0') {
    snprintf(path, sizeof path, "/lib/modules/%s/kernel", version);
    copy_tree(path, NULL);
  }
  member("TRAILER!!!", 0, NULL, 0);
}

enum end { well, fails, half, deletes, vanishes, dies };

static void write_behind(const char* path) {
  FILE* file = fopen(path, "w");
  if (file == NULL || fputs("written behind everybody's back\n", file) < 0 || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

static void spoil(const char* path) {
  FILE* file = fopen(path, "w");
  if (file == NULL || fputs("070701", file) < 0 || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

static void print_environment(void) {
  for (char** variable = environ; *variable != NULL; ++variable) {
    printf("environment %s\n", *variable);
  }
  const mode_t mask = umask(022);
  umask(mask);
  printf("umask %03o\n", mask);
}

// How it is to end for this kernel.
static enum end behave(const char* version, const char* name) {
  FILE* file = fopen("/etc/stand-in-initramfs", "r");
  if (file == NULL) return well;
  enum end end = well;
  char line[256];
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "say ", 4) == 0) puts(line + 4);
    if (strcmp(line, "environment") == 0) print_environment();
    if (strncmp(line, "fail ", 5) == 0 && strcmp(line + 5, version) == 0) end = fails;
    if (strncmp(line, "forget ", 7) == 0) strcpy(forgotten, line + 7);
    if (strncmp(line, "early ", 6) == 0) strcpy(early, line + 6);
    if (strncmp(line, "hook ", 5) == 0) strcpy(hook, line + 5);
    if (strncmp(line, "spoil ", 6) == 0) spoil(line + 6);
    if (strcmp(line, "stubborn") == 0) signal(SIGTERM, SIG_IGN);
    if (strcmp(line, "wait") == 0) wait_for_the_test();
    if (strcmp(line, "half") == 0) end = half;
    if (strcmp(line, "delete") == 0) end = deletes;
    if (strcmp(line, "vanish") == 0) end = vanishes;
    if (strcmp(line, "die") == 0) end = dies;
    if (strcmp(line, "child") == 0) {
      if (fork() == 0) {
        wait_for_the_test();
        write_behind(name);
        _exit(0);
      }
      wait(NULL);
    }
  }
  fclose(file);
  return end;
}

static int run(const char* program) {
  const pid_t child = fork();
  if (child == 0) {
    execl(program, program, (char*)NULL);
    perror(program);
    _exit(127);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status;
}

int main(int argc, char** argv) {
  dracut = argc == 4 && strcmp(argv[1], "--force") == 0;
  if (!dracut && (argc != 4 || strcmp(argv[1], "-u") != 0 || strcmp(argv[2], "-k") != 0)) {
    fprintf(stderr, "stand-in: usage: update-initramfs -u -k VERSION\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  char name[512];
  char fresh[520];
  char backup[524];
  if (dracut) {
    snprintf(name, sizeof name, "%s", argv[2]);
    snprintf(fresh, sizeof fresh, "%s", name);
  } else {
    snprintf(name, sizeof name, "/boot/initrd.img-%s", argv[3]);
    snprintf(fresh, sizeof fresh, "%s.new", name);
  }
  snprintf(backup, sizeof backup, "%s.dpkg-bak", name);
  printf("%s: Generating %s\n", dracut ? "dracut" : "update-initramfs", name);
  unlink(backup);
  if (!dracut) link(name, backup);
  image = fopen(fresh, "w");
  if (image == NULL) {
    perror(fresh);
    return 1;
  }
  const enum end end = behave(argv[3], name);
  if (end == deletes || end == vanishes) {
    unlink(name);
    unlink(fresh);
    unlink(backup);
    return end == deletes ? 1 : 0;
  }
  if (end == fails || end == half) fprintf(image, "070701");
  if (end == fails) {
    fclose(image);
    fprintf(stderr, "cp: error writing '%s': No space left on device\n", fresh);
    fprintf(stderr, "%s: failed for %s with 1.\n", dracut ? "dracut" : "update-initramfs", name);
    unlink(fresh);
    unlink(backup);
    return 1;
  }
  if (end != half) write_image(argv[3]);
  if (fclose(image) != 0 || rename(fresh, name) != 0) {
    perror(fresh);
    return 1;
  }
  if (end == dies) raise(SIGKILL);
  unlink(backup);
  if (hook[0] != '\0' && run(hook) != 0) return 1;
  return end == half ? 1 : 0;
}
