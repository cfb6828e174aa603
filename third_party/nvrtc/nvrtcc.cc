// Compiles a .cu file for several architectures into a C++ source that holds the machine code: the
// action behind nvrtc_kernels.
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "third_party/nvrtc/compiler.h"

ABSL_FLAG(std::vector<std::string>, arch, {}, "architectures such as sm_80");
ABSL_FLAG(std::vector<std::string>, include, {}, "include folders");
ABSL_FLAG(std::string, symbol, "", "name of the constant to define");
ABSL_FLAG(std::string, out, "", "the C++ source to write");

int main(int argc, char** argv) {
  const std::vector<char*> inputs = absl::ParseCommandLine(argc, argv);
  if (inputs.size() != 2) {
    std::cerr << "usage: nvrtcc [flags] file.cu\n";
    return 2;
  }
  std::ostringstream source;
  source << std::ifstream(inputs[1]).rdbuf();

  std::vector<std::string> includes = absl::GetFlag(FLAGS_include);
  includes.push_back(".");  // the project's own, by their path from the workspace's root

  std::ofstream out(absl::GetFlag(FLAGS_out));
  out << "#include \"third_party/nvrtc/cubins.h\"\n\nnamespace {\n";
  std::string entries;
  for (const std::string& arch : absl::GetFlag(FLAGS_arch)) {
    const auto compiled = nvrtc::CompileToCubin(source.str(), inputs[1], arch, includes);
    if (!compiled.ok()) {
      std::cerr << compiled.status().message() << "\n";
      return 1;
    }
    out << "alignas(16) const unsigned char k_" << arch << "[] = {";
    for (const unsigned char byte : compiled->cubin) out << static_cast<int>(byte) << ",";
    out << "};\n";
    const std::string number = arch.substr(arch.find('_') + 1);
    entries += "    {" + std::to_string(std::stoi(number)) + ", k_" + arch + ", sizeof(k_" + arch +
               "), R\"report(" + compiled->report + ")report\"},\n";
  }
  const std::string& symbol = absl::GetFlag(FLAGS_symbol);
  out << "const nvrtc::Cubin kEntries[] = {\n"
      << entries << "};\n}  // namespace\n\n"
      << "extern const nvrtc::Cubins " << symbol << ";\n"
      << "const nvrtc::Cubins " << symbol << " = {\"" << inputs[1]
      << "\", kEntries, sizeof(kEntries) / sizeof(kEntries[0])};\n";
  out.close();
  return out.good() ? 0 : 1;
}
