// What the thread checks run on: shapes wide enough for several parallel items, and files of models and Fishers.
#pragma once
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "engine.h"

namespace dfmerge {

using Bits = std::string;

struct Form {
  const char* name;
  ModelConfig config;
};

constexpr int kVocabulary = 400;

// Wide enough that every op has several parallel items.
std::vector<Form> forms() {
  ModelConfig c("t5");
  for (const auto& [name, value] : std::vector<std::pair<const char*, double>>{{"dModel", 72},
                                                                               {"dKv", 20},
                                                                               {"dFf", 290},
                                                                               {"numLayers", 2},
                                                                               {"numDecoderLayers", 2},
                                                                               {"numHeads", 3},
                                                                               {"relativeBuckets", 8},
                                                                               {"relativeMaxDistance", 16},
                                                                               {"vocabSize", kVocabulary},
                                                                               {"decoderStartTokenId", 0},
                                                                               {"epsilon", 1e-6}})
    c.set(name, value);
  c.set("gated", false);
  c.set("tied", true);
  c.set("scaleLogits", true);
  ModelConfig gated = c;
  gated.set("gated", true);
  gated.set("tied", false);
  gated.set("scaleLogits", false);
  return {{"v1.0", c}, {"v1.1", gated}};
}

// Makes a batch of random ids. `lengths` has the tokens of each input, and of each of its choices.
Batch batch_of(const std::vector<std::pair<int, std::vector<int>>>& lengths) {
  Batch batch;
  uint32_t state = 1;
  const auto append_ids = [&](std::vector<int32_t>& ids, std::vector<int32_t>& offsets, int count) {
    for (int i = 0; i < count; ++i)
      ids.push_back(static_cast<int32_t>((state = state * 1664525u + 1013904223u) >> 8) % kVocabulary);
    offsets.push_back(static_cast<int32_t>(ids.size()));
  };
  batch.input_offsets = batch.label_offsets = batch.choice_offsets = {0};
  for (const auto& [input, choices] : lengths) {
    append_ids(batch.input_ids, batch.input_offsets, input);
    for (int choice : choices) append_ids(batch.label_ids, batch.label_offsets, choice);
    batch.choice_offsets.push_back(static_cast<int32_t>(batch.label_offsets.size()) - 1);
  }
  return batch;
}

// A file of all parameters of a model, whole but for its header.
struct File {
  std::string path;
  DType dtype;
  std::vector<TensorPlace> places(const ParamTable& table) const {
    std::vector<TensorPlace> all;
    int64_t offset = 0;
    for (const Param& param : table.all()) {
      all.push_back({param.name, path, offset, dtype});
      offset += param.size * size_of(dtype);
    }
    return all;
  }
  // Makes a file as long as what will be written to it.
  void make(const ParamTable& table) const {
    int64_t bytes = 0;
    for (const Param& param : table.all()) bytes += param.size * size_of(dtype);
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!file || ftruncate(fileno(file), bytes) != 0 || std::fclose(file) != 0)
      fail("IO", "%s could not be made", path.c_str());
  }
  Bits read() const {
    Bits bits;
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) fail("IO", "%s could not be read", path.c_str());
    char block[1 << 16];
    for (size_t got; (got = std::fread(block, 1, sizeof block, file)) > 0;) bits.append(block, got);
    std::fclose(file);
    return bits;
  }
};

// A base and two children in the stored types that are read, and a Fisher of each child.
struct Folder {
  std::string dir;
  std::vector<File> models, fishers;
  File out;

  explicit Folder(const ModelConfig& config) {
    char name[] = "/tmp/dfmerge-threads-XXXXXX";
    if (!mkdtemp(name)) fail("IO", "no temporary folder");
    dir = name;
    models = {{dir + "/base", DType::F32}, {dir + "/a", DType::BF16}, {dir + "/b", DType::F16}};
    fishers = {{dir + "/fisher_a", DType::F32}, {dir + "/fisher_b", DType::F32}};
    out = {dir + "/out", DType::BF16};
    Engine engine(config, DeviceOptions{});
    const ParamTable& table = engine.model().parameters();
    for (const std::vector<File>* files : {&models, &fishers})
      for (const File& file : *files) {
        file.make(table);
        engine.initialize(11 + file.path.back());
        engine.write(ParameterVector::kParameters, file.places(table));
      }
    const Batch batch = batch_of({{9, {2, 1}}});
    for (const File& file : fishers) {
      engine.begin_fisher();
      engine.add_fisher(batch, {FisherMode::kExact, {}, {}, 0});
      engine.finish_fisher({1e-3, {}});
      engine.write(ParameterVector::kFisher, file.places(table));
    }
    out.make(table);
  }
  ~Folder() {
    for (const std::vector<File>* files : {&models, &fishers})
      for (const File& file : *files) unlink(file.path.c_str());
    unlink(out.path.c_str());
    rmdir(dir.c_str());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

struct Setting {
  ModelConfig config;
  Folder folder;
  Batch batch;
  explicit Setting(const ModelConfig& c)
      : config(c),
        folder(c),
        batch(batch_of({{60, {3, 1, 20}}, {33, {2}}, {100, {5, 5}}, {7, {1, 2, 3, 4}}, {1, {16, 2}}})) {}

  std::unique_ptr<Engine> engine(int threads, const std::string& dtype) const {
    DeviceOptions options;
    options.threads = threads;
    options.dtype = dtype;
    auto engine = std::make_unique<Engine>(config, options);
    for (const File& file : folder.models) engine->add_model(file.places(engine->model().parameters()));
    return engine;
  }
};

}  // namespace dfmerge
