#include "analyzer/testing/large_experiment.h"

#include <charconv>
#include <fstream>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"

namespace forensics::analyzer {
namespace {

constexpr int kLayers[] = {1, 2, 4, 12, 47};

// A vector in JSON text: Gaussian, with a few large elements.
std::string VectorText(int size, std::mt19937& random) {
  std::normal_distribution<float> gauss(0, 0.7f);
  std::string text = "[";
  char number[32];
  for (int i = 0; i < size; ++i) {
    const float value = gauss(random) * (i % 500 == 7 ? 100 : 1);
    if (i > 0) text += ',';
    text.append(number, std::to_chars(number, number + sizeof(number), value).ptr);
  }
  return text + "]";
}

class Writer {
 public:
  Writer(const LargeExperiment& shape, const std::string& path)
      : shape_(shape), file_(path, std::ios::binary) {}

  size_t Write() {
    file_ << R"({"experiment_metadata":{"experiment_type":"batch_size","variable_tested":)"
          << R"("batch_size","sequence_length":6000,"decode_steps":)" << shape_.steps
          << R"(,"extraction_config":{"layers":[1,2,4,12,47],"positions":[-3,-2,-1]}},)"
          << R"("configurations":[)";
    for (int c = 0; c < shape_.configurations; ++c) {
      file_ << (c > 0 ? "," : "") << R"({"config_id":"A100_bs)" << c + 1
            << R"(","hardware":"A100-80GB","variable_value":)" << c + 1 << "}";
    }
    file_ << "],\"runs\":[";
    for (int c = 0; c < shape_.configurations; ++c) {
      for (int rep = 0; rep < shape_.repetitions; ++rep) {
        file_ << (c + rep > 0 ? "," : "") << R"({"config_id":"A100_bs)" << c + 1 << R"(","rep_id":)"
              << rep << ",\"decode_steps\":[";
        random_.seed(static_cast<unsigned>(c));
        window_.clear();
        for (int step = 0; step < shape_.steps; ++step) WriteStep(step);
        file_ << "]}";
      }
    }
    file_ << "]}";
    file_.flush();
    return file_ ? static_cast<size_t>(file_.tellp()) : 0;
  }

 private:
  void WriteStep(int step) {
    file_ << (step > 0 ? "," : "") << "{\"step\":" << step << ",\"token_id\":" << 100 + step;
    WriteLayers("hidden_states", shape_.hidden_size, step);
    WriteLayers("key_vectors", shape_.key_size, step);
    file_ << ",\"logprobs\":{}}";
  }

  void WriteLayers(const std::string& name, int size, int step) {
    file_ << ",\"" << name << "\":{";
    for (const int layer : kLayers) {
      file_ << (layer == kLayers[0] ? "" : ",") << "\"layer_" << layer << "\":{";
      for (int position = -3; position <= -1; ++position) {
        std::string& text = window_[absl::StrCat(name, layer, "/", step + position)];
        if (text.empty() || !shape_.repeat_windows) text = VectorText(size, random_);
        file_ << (position == -3 ? "" : ",") << "\"pos_" << position << "\":" << text;
      }
      window_.erase(absl::StrCat(name, layer, "/", step - 3));
      file_ << "}";
    }
    file_ << "}";
  }

  const LargeExperiment shape_;
  std::ofstream file_;
  std::mt19937 random_;
  std::map<std::string, std::string> window_;  // text of the positions that may come again
};

}  // namespace

size_t WriteLargeExperiment(const LargeExperiment& shape, const std::string& path) {
  return Writer(shape, path).Write();
}

}  // namespace forensics::analyzer
