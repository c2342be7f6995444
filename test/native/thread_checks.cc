// The engine's work on several threads, for the thread sanitizer: npm run test:tsan builds and runs it. It is a program
// of its own because Node is not instrumented, so that inside it the sanitizer would miss what orders its threads and
// report what is no race. Every check runs on 1, 2, 3 and 4 threads and compares the bits; a data race is reported by
// the sanitizer itself. Vector stores are instrumented like others, masked and tile intrinsics are not:
// DFMERGE_ISA=generic runs kernels without any.
//   thread_checks          all checks; the last line is "N passed, N failed"
//   thread_checks --race   a race on purpose, which a sanitizer that works has to report
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "cpu/parallel.h"
#include "engine.h"
#include "merge/driver.h"
#include "thread_setting.h"

using namespace dfmerge;

namespace {

const std::vector<std::string> kDtypes = {"float32", "bfloat16"};  // in which products are computed
const std::vector<int> kThreads = {1, 2, 3, 4};

int passed = 0, failed = 0;

void expect(bool ok, const std::string& title) {
  ++(ok ? passed : failed);
  std::printf("%s %s\n", ok ? "ok" : "FAILED", title.c_str());
  std::fflush(stdout);
}

void sleep_us(int64_t microseconds) { std::this_thread::sleep_for(std::chrono::microseconds(microseconds)); }

// Results of a piece of work are compared as bytes.
template <class T>
void append(Bits& bits, const T* values, int64_t count) {
  bits.append(reinterpret_cast<const char*>(values), static_cast<size_t>(count) * sizeof(T));
}
template <class T>
void append(Bits& bits, const std::vector<T>& values) {
  append(bits, values.data(), static_cast<int64_t>(values.size()));
}
void append(Bits& bits, Engine& engine, ParameterVector vector) {
  for (const Param& param : engine.model().parameters().all()) {
    int64_t size;
    const float* values = engine.parameter(vector, param.name, &size);
    append(bits, values, size);
  }
}

// ---- The pool

// Runs regions of every small size, back to back and after pauses in which the workers fall asleep.
void check_regions(int threads) {
  ThreadPool pool(threads);
  bool right = true;
  for (int round = 0; round < 600; ++round) {
    const int64_t items = round % 37;
    std::vector<int64_t> plain(static_cast<size_t>(items), -1);
    std::vector<int> by(static_cast<size_t>(items), -1);
    pool.run(items, [&](int64_t item, int thread) {
      plain[item] = item * item + round;
      by[item] = thread;
    });
    for (int64_t i = 0; i < items; ++i) right = right && plain[i] == i * i + round && by[i] >= 0 && by[i] < threads;
    if (round % 40 == 0) sleep_us(2000);
  }
  expect(right, "pool: every item once, " + std::to_string(threads) + " threads");
}

// An item that throws ends its region with that error; the next region is whole.
void check_throwing(int threads) {
  ThreadPool pool(threads);
  bool right = true;
  for (int round = 0; round < 60; ++round) {
    std::string message;
    try {
      pool.run(50, [&](int64_t item, int) {
        if (item % (round + 1) == round) fail("NUMERIC", "item %d", static_cast<int>(item));
      });
    } catch (const Error& error) {
      message = error.what();
    }
    right = right && (round < 50) == !message.empty();
    std::vector<int64_t> plain(50);
    pool.run(50, [&](int64_t item, int) { plain[item] = item; });
    right = right && std::accumulate(plain.begin(), plain.end(), int64_t{0}) == 1225;
  }
  expect(right, "pool: errors of items, " + std::to_string(threads) + " threads");
}

// Ends pools while their workers begin, spin or sleep.
void check_ends(int threads) {
  for (int round = 0; round < 40; ++round) {
    ThreadPool pool(threads);
    if (round % 2) pool.run(8, [](int64_t, int) {});
    sleep_us(round % 4 * 200);
  }
  expect(true, "pool: beginning and end, " + std::to_string(threads) + " threads");
}

// ---- The driver of merges

// target = source minus the mean of all elements.
class CentreKernel : public Kernel {
 public:
  explicit CentreKernel(int64_t elements) : elements_(elements) {}
  int sums() const override { return 1; }
  void reduce(Context&, const Chunk& chunk, double* sum) const override {
    for (int64_t i = 0; i < chunk.range.count; ++i) *sum += chunk.sources[0][i];
  }
  void apply(Context&, const Chunk& chunk, const Sums& sums) const override {
    const double mean = *sums.all / static_cast<double>(elements_);
    for (int64_t i = 0; i < chunk.range.count; ++i)
      chunk.targets[0][i] = static_cast<float>(chunk.sources[0][i] - mean);
  }

 private:
  int64_t elements_;
};

// Runs a kernel that reduces over tensors of one and of several items; the bits are the same on any number of threads.
void check_reduction() {
  ParamTable table;
  std::vector<WalkedTensor> tensors;
  int64_t elements = 0;
  for (int64_t size : {3, 100'000, 2'049, 70'000}) {
    const std::string name = "tensor " + std::to_string(size);
    table.add(name, {size});
    tensors.push_back({name, size});
    elements += size;
  }
  Bits expected;
  for (int threads : kThreads) {
    DeviceOptions options;
    options.threads = threads;
    Device device(options);
    Stream stream(device);
    const Block source(device.memory(), table), target(device.memory(), table);
    for (int64_t i = 0; i < table.total(); ++i) source.data()[i] = static_cast<float>(std::sin(static_cast<double>(i)));
    const Operands operands{{&source}, {&target}};
    walk(stream, {tensors, CentreKernel(elements), operands});
    Bits bits;
    append(bits, target.data(), table.total());
    if (threads == 1) expected = bits;
    expect(bits == expected, "driver: reduce, then apply, " + std::to_string(threads) + " threads");
  }
}

// ---- The engine

using Work = std::function<void(Engine&, Bits&)>;

void fisher(Engine& engine, const Batch& batch, FisherMode mode, double min_weight, Bits& bits) {
  std::vector<double> draws;
  for (int64_t i = 0; mode == FisherMode::kSampled && i < batch.inputs(); ++i)
    draws.push_back(static_cast<double>(i) / static_cast<double>(batch.inputs()));
  engine.interpolate(1, 0.4);
  engine.begin_fisher();
  append(bits, engine.add_fisher(batch, {mode, draws, {}, min_weight}));
  engine.begin_merge();
  engine.finish_fisher({1e-12, Fold{1, 0.4}});
  append(bits, engine, ParameterVector::kFisher);
  engine.finish_merge();
  append(bits, engine, ParameterVector::kParameters);
}

std::map<std::string, Work> works(const Setting& s) {
  std::map<std::string, Work> all;
  all["score"] = [&](Engine& engine, Bits& bits) {
    engine.load(1);
    append(bits, engine.score(s.batch));
  };
  all["encode, logits"] = [&](Engine& engine, Bits& bits) {
    engine.load(2);
    append(bits, engine.encode(s.batch));
    append(bits, engine.logits(s.batch));
  };
  for (int beams : {1, 3})
    all["generation with beams: " + std::to_string(beams)] = [&s, beams](Engine& engine, Bits& bits) {
      engine.load(1);
      const Generated generated = engine.generate(s.batch, {8, beams, 1.0, false, {1, 5, 9}, -1});
      append(bits, generated.ids);
      append(bits, generated.scores);
    };
  for (const char* mode : {"exact", "sequence", "choices", "sampled"})
    all[std::string(mode) + " Fisher"] = [&s, mode](Engine& engine, Bits& bits) {
      fisher(engine, s.batch, parse_fisher_mode(mode), 0, bits);
    };
  all["exact Fisher of likely choices"] = [&](Engine& engine, Bits& bits) {
    fisher(engine, s.batch, FisherMode::kExact, 0.3, bits);
  };
  all["training"] = [&](Engine& engine, Bits& bits) {
    engine.load(0);
    engine.begin_training();
    for (int step = 0; step < 2; ++step) {
      append(bits, engine.add_gradient(s.batch, 0.01));
      engine.adamw({1e-2, 0.9, 0.999, 1e-8, 0.1});
    }
    append(bits, engine, ParameterVector::kParameters);
  };
  for (bool with_fisher : {false, true})
    all[with_fisher ? "merge with Fishers" : "merge"] = [&s, with_fisher](Engine& engine, Bits& bits) {
      engine.begin_merge();
      for (int i : {1, 2}) {
        if (with_fisher) engine.load_fisher(s.folder.fishers[i - 1].places(engine.model().parameters()));
        engine.fold({i, i * 0.3}, with_fisher);
      }
      engine.finish_merge();
      append(bits, engine, ParameterVector::kParameters);
    };
  all["write"] = [&](Engine& engine, Bits& bits) {
    engine.load(2);
    engine.write(ParameterVector::kParameters, s.folder.out.places(engine.model().parameters()));
    bits += s.folder.out.read();
  };
  return all;
}

Bits done(Engine& engine, const Work& work) {
  Bits bits;
  work(engine, bits);
  return bits;
}

// Does each piece of work on every number of threads, twice on each engine: the second time the arenas are there
// already.
void check_works(const Setting& setting, const std::string& title, const std::string& dtype) {
  const auto all = works(setting);
  std::map<std::string, Bits> expected;
  for (int threads : kThreads) {
    const auto engine = setting.engine(threads, dtype);
    for (const auto& [name, work] : all)
      for (int run : {1, 2}) {
        const Bits bits = done(*engine, work);
        if (threads == 1 && run == 1)
          expected[name] = bits;
        else if (threads > 1)
          expect(!bits.empty() && bits == expected[name],
                 title + name + ", " + std::to_string(threads) + " threads, run " + std::to_string(run));
        if (threads == 1) break;
      }
  }
}

// Jobs are run by whichever thread is free, as Node does it, and stopped by another at any moment; what follows is
// whole.
void check_stopping(const Setting& setting, const std::string& title, const std::string& dtype) {
  const auto all = works(setting);
  for (int threads : kThreads) {
    const auto engine = setting.engine(threads, dtype);
    const Bits expected = done(*engine, all.at("exact Fisher"));
    bool aborted = true, whole = true;
    int at = 0;
    for (const auto& [name, work] : all) {
      const Work& job = work;
      bool stopped = false;
      std::thread worker([&] {
        try {
          for (;;) done(*engine, job);
        } catch (const Error& error) {
          stopped = std::strcmp(error.code(), "ABORTED") == 0;
        }
      });
      sleep_us(300 + 1700 * at++);
      engine->stop();
      worker.join();
      engine->clear_stop();
      aborted = aborted && stopped;
      if (at % 4 == 0) std::thread([&] { whole = whole && done(*engine, all.at("exact Fisher")) == expected; }).join();
    }
    expect(aborted && whole, title + "stopped by another thread, " + std::to_string(threads) + " threads");
  }
}

// Engines that work at the same time share nothing but constants and files.
void check_two_engines(const Setting& setting, const std::string& title, const std::string& dtype) {
  const auto all = works(setting);
  Bits results[2];
  std::vector<std::thread> users;
  for (Bits& result : results)
    users.emplace_back([&] {
      const auto engine = setting.engine(2, dtype);
      for (const char* name : {"exact Fisher", "merge with Fishers", "score"}) result += done(*engine, all.at(name));
    });
  for (std::thread& user : users) user.join();
  expect(!results[0].empty() && results[0] == results[1], title + "two engines at once");
}

int race() {
  ThreadPool pool(2);
  int64_t sum = 0;
  for (int round = 0; round < 200; ++round) pool.run(1000, [&](int64_t item, int) { sum += item; });
  std::printf("%lld\n", static_cast<long long>(sum));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return std::strcmp(argv[1], "--race") == 0 ? race() : 2;
  try {
    for (int threads : kThreads) {
      check_regions(threads);
      check_throwing(threads);
      check_ends(threads);
    }
    check_reduction();
    for (const Form& form : forms()) {
      const Setting setting(form.config);
      for (const std::string& dtype : kDtypes) {
        const std::string title = std::string(form.name) + " " + dtype + ": ";
        // This comes first, so that what is made at first use is made by two engines at once.
        check_two_engines(setting, title, dtype);
        check_works(setting, title, dtype);
        check_stopping(setting, title, dtype);
      }
    }
  } catch (const std::exception& error) {
    expect(false, error.what());
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
