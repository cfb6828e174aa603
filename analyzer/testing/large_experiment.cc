#include "analyzer/testing/large_experiment.h"

#include <charconv>
#include <cstdint>
#include <fstream>
#include <map>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"

namespace forensics::analyzer {
namespace {

constexpr int kLayers[] = {1, 2, 4, 12, 47};
constexpr const char* kHardware[] = {"A100-80GB", "H100", "H200", "B200"};
constexpr int kLogProbs = 10;

// Gaussian numbers are slow to make, so vectors are pieces of one list.
const std::vector<float>& GaussianNumbers() {
  static const auto* const kNumbers = [] {
    std::mt19937 random(1);
    std::normal_distribution<float> gauss(0, 0.7f);
    auto* numbers = new std::vector<float>(1 << 18);
    for (float& number : *numbers) number = gauss(random);
    return numbers;
  }();
  return *kNumbers;
}

// A vector in JSON text: Gaussian, with a few large elements. `content` says which; two of a
// content that `variant` tells apart differ in most elements by about a thousandth.
std::string VectorText(int size, uint64_t content, uint64_t variant) {
  const std::vector<float>& numbers = GaussianNumbers();
  std::mt19937_64 placing(content);
  const size_t first = placing() % (numbers.size() - static_cast<size_t>(size));
  std::minstd_rand noise(static_cast<unsigned>(content * 31 + variant * 7 + 1));
  std::string text = "[";
  char number[32];
  for (int i = 0; i < size; ++i) {
    const float deviation = (static_cast<float>(noise() >> 8) / (1 << 22) - 1) * 1e-3f;
    const float gauss = numbers[first + static_cast<size_t>(i)];
    const float value = (gauss + (variant == 0 ? 0 : deviation)) * (i % 500 == 7 ? 100 : 1);
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
    WriteMetadata();
    file_ << ",\"configurations\":[";
    ForEachConfiguration([this](int hardware, int value) { WriteConfiguration(hardware, value); });
    file_ << "],\"runs\":[";
    is_first_ = true;
    ForEachConfiguration([this](int hardware, int value) {
      for (int rep = 0; rep < shape_.repetitions; ++rep) WriteRun(hardware, value, rep);
    });
    file_ << "]}\n";
    file_.flush();
    return file_ ? static_cast<size_t>(file_.tellp()) : 0;
  }

 private:
  template <typename Use>
  void ForEachConfiguration(Use use) {
    for (int hardware = 0; hardware < shape_.hardware; ++hardware) {
      for (int value = 1; value <= shape_.configurations; ++value) use(hardware, value);
    }
  }

  std::string Separator() {
    const bool was_first = is_first_;
    is_first_ = false;
    return was_first ? "" : ",";
  }

  static std::string ConfigId(int hardware, int value) {
    return absl::StrCat("\"", kHardware[hardware], "_", value, "\"");
  }

  void WriteMetadata() {
    file_ << R"({"schema_version":1,"experiment_metadata":{"experiment_type":")" << shape_.type
          << R"(","variable_tested":")" << shape_.type
          << R"(","model":"Qwen3-30B-A3B-AWQ","model_size":"30B","architecture":"MoE",)"
          << R"("sequence_length":6000,"decode_steps":)" << shape_.steps
          << R"(,"extraction_config":{"layers":[1,2,4,12,47],"positions":[-3,-2,-1],)"
          << R"("hidden_dim":)" << shape_.hidden_size << R"(,"key_dim":)" << shape_.key_size
          << R"(,"top_k_logprobs":)" << kLogProbs << R"(},"date_created":"2026-01-01 00:00:00"})";
  }

  void WriteConfiguration(int hardware, int value) {
    file_ << Separator() << R"({"config_id":)" << ConfigId(hardware, value) << R"(,"hardware":")"
          << kHardware[hardware] << R"(","provider":"","variable_value":)" << value
          << R"(,"cuda_version":"12.8","torch_version":"2.9","transformers_version":"5.1",)"
          << R"("flash_attn_version":"2.8","python_version":"3.11","fixed_params":{"tp_size":1}})";
  }

  void WriteRun(int hardware, int value, int rep) {
    file_ << Separator() << R"({"config_id":)" << ConfigId(hardware, value) << R"(,"rep_id":)"
          << rep << R"(,"timestamp":"2026-01-01 00:00:00","runtime_seconds":12.)" << rep
          << R"(,"prompt_text":"Summarise.")";
    if (shape_.identical_repetitions) file_ << R"(,"signals_sha256":"none")";
    if (rep >= shape_.repetitions - shape_.stored) {
      variant_ = static_cast<uint64_t>(hardware * shape_.configurations + value - 1);
      if (!shape_.identical_repetitions) variant_ = variant_ * 64 + static_cast<uint64_t>(rep);
      window_.clear();
      file_ << ",\"decode_steps\":[";
      for (int step = 0; step < shape_.steps; ++step) WriteStep(step);
      file_ << "]";
    }
    file_ << "}";
  }

  void WriteStep(int step) {
    file_ << (step > 0 ? "," : "") << "{\"step\":" << step << ",\"token_id\":" << 100 + step
          << ",\"token_text\":\" word\"";
    WriteLayers("hidden_states", shape_.hidden_size, step);
    WriteLayers("key_vectors", shape_.key_size, step);
    file_ << ",\"logprobs\":{";
    for (int position = -3; position <= -1; ++position) {
      file_ << (position == -3 ? "" : ",") << "\"pos_" << position << "\":{\"token_ids\":[";
      for (int i = 0; i < kLogProbs; ++i) file_ << (i == 0 ? "" : ",") << 100 + step + position + i;
      file_ << "],\"log_probs\":" << Vector("logprobs", 0, kLogProbs, step, position) << "}";
    }
    file_ << "}}";
  }

  void WriteLayers(const std::string& name, int size, int step) {
    file_ << ",\"" << name << "\":{";
    for (const int layer : kLayers) {
      file_ << (layer == kLayers[0] ? "" : ",") << "\"layer_" << layer << "\":{";
      for (int position = -3; position <= -1; ++position) {
        file_ << (position == -3 ? "" : ",") << "\"pos_" << position
              << "\":" << Vector(name, layer, size, step, position);
      }
      file_ << "}";
    }
    file_ << "}";
  }

  // The text of one position of one step; positions of the window come again.
  const std::string& Vector(const std::string& name, int layer, int size, int step, int position) {
    window_.erase(absl::StrCat(name, layer, "/", step - 4));
    std::string& text = window_[absl::StrCat(name, layer, "/", step + position)];
    if (text.empty() || !shape_.repeat_windows) {
      const int place = ((step + 3) * 4 + position) * 100 + layer;
      const int repeated = ((step + position + 6) * 4) * 100 + layer;
      text = VectorText(size,
                        static_cast<uint64_t>(shape_.repeat_windows ? repeated : place) *
                            (name == "key_vectors" ? 3 : 2),
                        variant_);
    }
    return text;
  }

  const LargeExperiment shape_;
  std::ofstream file_;
  bool is_first_ = true;
  uint64_t variant_ = 0;                       // tells runs with other bits apart
  std::map<std::string, std::string> window_;  // text of the positions that may come again
};

}  // namespace

size_t WriteLargeExperiment(const LargeExperiment& shape, const std::string& path) {
  return Writer(shape, path).Write();
}

}  // namespace forensics::analyzer
