// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_menu.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/boot/refind_default.h"
#include "core/boot/refind_entries.h"
#include "core/boot/refind_lines.h"

namespace vfio_switch {

namespace {

class Reader {
 public:
  Reader(const RefindRequest& request, BootMenu& menu)
      : request_(request),
        menu_(menu),
        conf_(read_refind_conf(request.path, request.text, request.read)),
        directory_(request.path.substr(0, request.path.rfind('/'))) {}

  void run() {
    menu_.notes = conf_.notes;
    menu_.editor = conf_.has_editor ? MenuEditor::open : MenuEditor::locked;
    menu_.style = conf_.timeout < 0 ? MenuStyle::hidden : MenuStyle::shown;
    if (conf_.timeout != 0) menu_.timeout = std::max(conf_.timeout, 0);
    scan();
    name_twins();
    select_refind_default(menu_, request_, conf_, titles_);
  }

 private:
  void scan() {
    bool is_read = false;
    bool is_scanned = false;
    for (const char what : conf_.scan_for) {
      if (what == 'm' && !is_read) {
        is_read = true;
        add_stanzas();
      } else if ((what == 'i' || what == 'e') && !is_scanned) {
        is_scanned = true;
        for (const auto& directory : request_.directories) add_directory(directory);
      }
      const bool is_other = std::string_view("iechbonf").find(what) != std::string_view::npos;
      titles_.has_others = titles_.has_others || is_other;
      if (!titles_.has_others) titles_.leading = titles_.titles.size();
    }
    if (is_scanned && conf_.why_other_entries &&
        std::ranges::find(menu_.notes, *conf_.why_other_entries) == menu_.notes.end()) {
      menu_.notes.push_back(*conf_.why_other_entries);
    }
  }

  void add(RefindTitle title, std::vector<BootEntry> entries) {
    constexpr std::size_t most = 4096;
    if (menu_.entries.size() + entries.size() > most) {
      titles_.incomplete = BootUnknown{BootUnknownCode::limit, request_.path};
      return;
    }
    title.text = lower_case(title.text);
    title.entry = menu_.entries.size();
    titles_.titles.push_back(std::move(title));
    for (auto& entry : entries) menu_.entries.push_back(std::move(entry));
  }

  void add_stanzas() {
    for (const auto& stanza : conf_.stanzas) {
      RefindTitle title;
      title.text = stanza.is_firmware ? stanza.title : "Boot " + stanza.title + " from ";
      title.is_whole = stanza.is_firmware;
      add(std::move(title), refind_stanza_entries(stanza));
    }
  }

  void add_directory(const RefindDirectory& directory) {
    if (lower_case(directory.at) == lower_case(directory_)) return;
    std::optional<BootUnknown> why;
    for (const auto& hidden : conf_.hidden_directories) {
      const auto colon = hidden.find(':');
      const auto path = colon == std::string::npos ? hidden : hidden.substr(colon + 1);
      if (lower_case(refind_path(path)) != lower_case(refind_path(directory.path))) continue;
      if (colon == std::string::npos) return;
      why = BootUnknown{BootUnknownCode::condition, "dont_scan_dirs " + hidden, request_.path};
    }
    if (directory.why) {
      menu_.notes.push_back(*directory.why);
      if (!titles_.incomplete) titles_.incomplete = directory.why;
      return;
    }
    const auto kernels = refind_kernels(directory, conf_, request_.is_arm);
    if (kernels.why_no_first && !why) why = kernels.why_no_first;
    const auto title_of = [&](const std::string& name) {
      RefindTitle title;
      title.text = "Boot " + refind_path_of(directory, name).substr(1) + " from ";
      title.is_own_volume = directory.is_own_volume;
      title.why = why;
      return title;
    };
    const auto add_kernels = [&](const std::vector<std::string>& names) {
      add(title_of(names.front()), refind_kernel_entries(directory, names, conf_, request_.read));
    };
    if (conf_.folds_kernels && !kernels.names.empty()) add_kernels(kernels.names);
    if (!conf_.folds_kernels) {
      for (const auto& name : kernels.names) add_kernels({name});
    }
    if (lower_case(directory.path) != "efi/linux") return;
    for (const auto& file : directory.files) {
      const bool is_kernel = std::ranges::find(kernels.names, file.name) != kernels.names.end();
      if (is_kernel || file.is_link || !lower_case(file.name).ends_with(".efi")) continue;
      add(title_of(file.name), {refind_image_entry(directory, file.name)});
    }
  }

  void name_twins() {
    std::map<std::string, unsigned> seen;
    for (auto& entry : menu_.entries) {
      const auto twin = seen[entry.id]++;
      if (twin > 0) entry.id += "#" + std::to_string(twin);
    }
  }

  const RefindRequest& request_;
  BootMenu& menu_;
  const RefindConf conf_;
  const std::string directory_;
  RefindTitles titles_;
};

}  // namespace

BootMenu read_refind_menu(const RefindRequest& request) {
  BootMenu menu;
  menu.loader = LoaderKind::refind;
  Reader(request, menu).run();
  return menu;
}

}  // namespace vfio_switch
