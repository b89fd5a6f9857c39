// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/module_db.h"

#include <libkmod.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/binding/override.h"
#include "core/modules/install_command.h"

namespace vfio_switch {

namespace {

struct ListCloser {
  void operator()(kmod_list* list) const { kmod_module_unref_list(list); }
};
using ModuleList = std::unique_ptr<kmod_list, ListCloser>;

struct ModuleCloser {
  void operator()(kmod_module* module) const { kmod_module_unref(module); }
};
using Module = std::unique_ptr<kmod_module, ModuleCloser>;

/// libkmod's callback takes no argument of the caller's, so what it reports goes through here.
/// `commands` holds the install commands met, with the position at which they stand.
struct Report {
  std::vector<std::string> modules;
  std::vector<std::pair<std::size_t, std::string>> commands;
};
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): libkmod leaves no other way
thread_local Report* current_report = nullptr;

extern "C" void report_action(kmod_module* module, bool install, const char* /*options*/) {
  if (install) {
    const char* command = kmod_module_get_install_commands(module);
    current_report->commands.emplace_back(current_report->modules.size(),
                                          command == nullptr ? "" : command);
    return;
  }
  // Built-in modules and names without a file are reported too; neither is inserted.
  if (kmod_module_get_path(module) == nullptr) return;
  current_report->modules.emplace_back(kmod_module_get_name(module));
}

std::string descriptor_path(const UniqueFd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

Result<UniqueFd> memory_file(const std::string& text) {
  UniqueFd fd(::memfd_create("modprobe.d", MFD_CLOEXEC));
  std::string_view rest = text;
  while (fd && !rest.empty()) {
    const auto count = ::write(fd.get(), rest.data(), rest.size());
    if (count <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (!fd || !rest.empty()) {
    return fail(std::string("cannot create a file in memory for the configuration: ") +
                std::strerror(errno));
  }
  return fd;
}

bool is_regular(const char* path) {
  struct stat status{};
  return ::stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/// Walks what libkmod would insert, install commands included.
class Walk {
 public:
  Walk(kmod_ctx* context, const std::set<std::string>& blacklist)
      : context_(context), blacklist_(blacklist) {}

  Result<void> go(const std::string& name, bool ignore_command, int depth) {
    if (name.empty()) return {};  // of a device whose modalias is not known
    constexpr int deepest = 8;    // install commands that call each other
    if (depth > deepest || ++calls_ > most_calls) {
      return not_followed(ReasonCause::commands_in_circle);
    }
    kmod_list* raw = nullptr;
    if (const int error = kmod_module_new_from_lookup(context_, name.c_str(), &raw); error < 0) {
      return fail("libkmod cannot look up " + name + ": " + std::strerror(-error));
    }
    const ModuleList list(raw);
    for (kmod_list* item = list.get(); item != nullptr; item = kmod_list_next(list.get(), item)) {
      const Module module(kmod_module_get_module(item));
      const std::string found = kmod_module_get_name(module.get());
      // The modprobe of a command is run without -b: it skips only what an alias leads to.
      const bool by_name = depth > 0 && found == module_name(name);
      if (!by_name && blacklist_.contains(found)) continue;
      if (auto done = insert(module.get(), ignore_command, depth); !done) return done;
    }
    return {};
  }

  InsertionOrder take() { return std::move(order_); }

 private:
  static constexpr int most_calls = 500;  ///< in all: each command may call several others

  Result<void> insert(kmod_module* module, bool ignore_command, int depth) {
    Report report;
    current_report = &report;
    unsigned flags = KMOD_PROBE_DRY_RUN | KMOD_PROBE_IGNORE_LOADED;
    if (ignore_command) flags |= KMOD_PROBE_IGNORE_COMMAND;
    // A missing module or an install command does not end the walk.
    kmod_module_probe_insert_module(module, flags, nullptr, nullptr, nullptr, report_action);
    current_report = nullptr;
    auto command = report.commands.begin();
    for (std::size_t i = 0; i <= report.modules.size(); ++i) {
      for (; command != report.commands.end() && command->first == i; ++command) {
        if (auto done = follow(command->second, depth); !done) return done;
      }
      if (i < report.modules.size()) add(report.modules[i]);
    }
    return {};
  }

  Result<void> follow(const std::string& command, int depth) {
    // Softdeps precede what the bind script loads: it loads vfio-pci alone.
    if (!runs_bind(command)) order_.by_command = true;
    const auto calls = parse_install_command(command);
    if (!calls) {
      return not_followed({ReasonCause::command_unclear, {{"command", Quotation{command}}}});
    }
    for (const auto& call : *calls) {
      if (calls_ > most_calls) break;
      if (auto done = go(call.name, call.ignore_install, depth + 1); !done) return done;
    }
    return {};
  }

  Result<void> not_followed(Reason reason) {
    order_.followed = false;
    order_.reason = std::move(reason);
    return {};
  }

  void add(const std::string& module) {
    auto& modules = order_.modules;
    if (std::ranges::find(modules, module) == modules.end()) modules.push_back(module);
  }

  kmod_ctx* context_;
  int calls_ = 0;
  const std::set<std::string>& blacklist_;
  InsertionOrder order_;
};

using Info = std::map<std::string, std::string, std::less<>>;

/// What a module's file says of itself; nothing where it cannot be read.
std::optional<Info> info_of(kmod_ctx* context, const std::string& module) {
  kmod_module* raw = nullptr;
  if (kmod_module_new_from_name(context, module.c_str(), &raw) < 0) return std::nullopt;
  const Module found(raw);
  const char* path = kmod_module_get_path(found.get());
  if (path == nullptr || !is_regular(path)) return std::nullopt;
  kmod_list* raw_info = nullptr;
  if (kmod_module_get_info(found.get(), &raw_info) < 0) return std::nullopt;
  const std::unique_ptr<kmod_list, void (*)(kmod_list*)> list(raw_info, kmod_module_info_free_list);
  Info info;
  for (kmod_list* item = list.get(); item != nullptr; item = kmod_list_next(list.get(), item)) {
    info.emplace(kmod_module_info_get_key(item), kmod_module_info_get_value(item));
  }
  return info;
}

}  // namespace

void ModuleDb::Closer::operator()(kmod_ctx* context) const {
  kmod_unref(context);
}

Result<ModuleDb> ModuleDb::open(const FileReader& files, const Kernel& kernel,
                                std::vector<ModprobeFile> config) {
  ModuleDb db;
  auto modules = files.open_directory(kernel.modules_directory);
  if (!modules) return failure_of(modules);
  if (!*modules) return fail(kernel.modules_directory + " does not exist");
  db.modules_ = std::move(**modules);

  // libkmod reads the kernel's own softdeps itself, behind all else.
  if (!config.empty()) config.push_back(kernel.softdeps);
  auto memory = memory_file(joined_modprobe(effective_modprobe(std::move(config))));
  if (!memory) return failure_of(memory);
  db.config_ = std::move(*memory);

  const auto config_path = descriptor_path(db.config_);
  const std::array<const char*, 2> paths = {config_path.c_str(), nullptr};
  db.context_.reset(kmod_new(descriptor_path(db.modules_).c_str(), paths.data()));
  if (!db.context_) {
    return fail("libkmod cannot open " + kernel.modules_directory + ": " + std::strerror(errno));
  }
  kmod_set_log_priority(db.context_.get(),
                        0);  // mistakes in the configuration are reported by this program
  return db;
}

void ModuleDb::map_indices() const {
  kmod_load_resources(context_.get());
}

Result<std::vector<std::string>> ModuleDb::lookup(const std::string& alias) const {
  if (alias.empty()) return std::vector<std::string>();  // of a device that could not be read
  map_indices();
  kmod_list* raw = nullptr;
  if (const int error = kmod_module_new_from_lookup(context_.get(), alias.c_str(), &raw);
      error < 0 && error != -ENOENT && error != -ENOSYS) {
    return fail("libkmod cannot look up " + alias + ": " + std::strerror(-error));
  }
  const ModuleList list(raw);
  std::vector<std::string> names;
  for (kmod_list* item = list.get(); item != nullptr; item = kmod_list_next(list.get(), item)) {
    const Module module(kmod_module_get_module(item));
    names.emplace_back(kmod_module_get_name(module.get()));
  }
  return names;
}

Result<ModuleForm> ModuleDb::form(const std::string& module) const {
  kmod_module* raw = nullptr;
  if (const int error = kmod_module_new_from_name(context_.get(), module.c_str(), &raw);
      error < 0) {
    return fail("libkmod cannot look up " + module + ": " + std::strerror(-error));
  }
  const Module found(raw);
  if (kmod_module_get_initstate(found.get()) == KMOD_MODULE_BUILTIN) return ModuleForm::built_in;
  return kmod_module_get_path(found.get()) == nullptr ? ModuleForm::missing : ModuleForm::loadable;
}

std::string ModuleDb::file(const std::string& module) const {
  kmod_module* raw = nullptr;
  if (kmod_module_new_from_name(context_.get(), module.c_str(), &raw) < 0) return {};
  const Module found(raw);
  const char* path = kmod_module_get_path(found.get());
  if (path == nullptr) return {};
  return std::string(path).substr(descriptor_path(modules_).size() + 1);
}

std::string ModuleDb::kernel_name(const std::string& module) const {
  const auto info = info_of(context_.get(), module);
  if (!info) return module;
  const auto name = info->find("name");
  return name == info->end() ? module : module_name(name->second);
}

std::optional<bool> ModuleDb::is_signed(const std::string& module) const {
  const auto info = info_of(context_.get(), module);
  if (!info) return std::nullopt;
  return info->contains("sig_id");
}

Insertable ModuleDb::insertable(const InsertionOrder& order,
                                const std::set<std::string>& refused) const {
  Insertable result{{}, order.reason};
  std::set<std::string> gone = refused;
  for (const auto& name : order.modules) {
    kmod_module* found = nullptr;
    if (gone.contains(name) ||
        kmod_module_new_from_name(context_.get(), name.c_str(), &found) < 0) {
      continue;
    }
    const Module module(found);
    const ModuleList needs(kmod_module_get_dependencies(found));
    kmod_list* item = nullptr;
    kmod_list_foreach(item, needs.get()) {
      const Module needed(kmod_module_get_module(item));
      const std::string need = kmod_module_get_name(needed.get());
      if (gone.contains(need)) gone.insert(name);
      // An install command stands in its place; what that makes of it, and says, is not known.
      const bool is_built_in = kmod_module_get_path(needed.get()) == nullptr;
      const bool is_loaded = std::ranges::find(result.modules, need) != result.modules.end();
      if (is_built_in || is_loaded || gone.contains(name) || result.doubt) continue;
      result.doubt =
          Reason(ReasonCause::needed_not_loaded, {{"module", Word{name}}, {"needed", Word{need}}});
    }
    if (!gone.contains(name)) result.modules.push_back(name);
  }
  return result;
}

Result<InsertionOrder> ModuleDb::insertion_order(const std::string& name,
                                                 const std::set<std::string>& blacklist) const {
  map_indices();
  Walk walk(context_.get(), blacklist);
  if (auto done = walk.go(name, false, 0); !done) return failure_of(done);
  return walk.take();
}

}  // namespace vfio_switch
