#include "testing/faults_object.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "args.h"
#include "core/arithmetic.h"
#include "cpu/parallel.h"
#include "errors.h"
#include "job.h"
#include "storage/mapped_file.h"

namespace dfmerge {

namespace {

using Info = Napi::CallbackInfo;

// Throws an exception of the kind that is named.
void throw_one(const std::string& kind) {
  if (kind == "error") fail("NUMERIC", "an error of the engine");
  if (kind == "error without message") throw Error("NUMERIC", "");
  if (kind == "bad_alloc") throw std::bad_alloc();
  if (kind == "length_error") throw std::length_error("a vector too long");
  if (kind == "system_error") throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  if (kind == "number") throw 42;
  if (kind == "text") throw "a text";
  fail("INVALID_ARGUMENT", "unknown kind %s", kind.c_str());
}

// An object whose constructor throws unguarded.
class Faulty : public Napi::ObjectWrap<Faulty> {
 public:
  explicit Faulty(const Info& info) : Napi::ObjectWrap<Faulty>(info) { throw_one(string_of(info[0], "kind")); }
};

// guarded(kind) throws as a method of the engine does.
Napi::Value js_guarded(const Info& info) {
  return guarded(info.Env(), [&] {
    throw_one(string_of(info[0], "kind"));
    return info.Env().Undefined();
  });
}

// unguarded(kind) throws out of a callback that nothing of ours guards.
Napi::Value js_unguarded(const Info& info) {
  throw_one(string_of(info[0], "kind"));
  return info.Env().Undefined();
}

// job(place, kind) is a job that throws in its work, in an item of a parallel region of it, in making its result, or
// when it tells that it is done.
Napi::Value js_job(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::string place = string_of(info[0], "place"), kind = string_of(info[1], "kind");
    const auto at = [place, kind](const char* here) {
      if (place == here) throw_one(kind);
    };
    auto job =
        std::make_unique<Job>(info.Env(), Job::Parts{[at] {
                                                       at("work");
                                                       ThreadPool pool(3);
                                                       pool.run(100, [&](int64_t item, int) {
                                                         if (item == 50) at("item");
                                                       });
                                                     },
                                                     [at](Napi::Env env) {
                                                       at("result");
                                                       return env.Undefined();
                                                     },
                                                     [at](Napi::Env) { at("done"); }, Napi::Object::New(info.Env())});
    const Napi::Promise promise = job->promise();
    job->Queue();
    job.release();
    return promise;
  });
}

// Adds up all bytes of a file on several threads.
double sum_of(const uint8_t* bytes, int64_t size) {
  constexpr int64_t kPart = 1 << 14;
  std::atomic<int64_t> sum{0};
  ThreadPool pool(3);
  pool.run(divide_up(size, kPart), [&](int64_t part, int) {
    int64_t of_part = 0;
    for (int64_t i = part * kPart; i < std::min(size, (part + 1) * kPart); ++i) of_part += bytes[i];
    sum += of_part;
  });
  return static_cast<double>(sum);
}

// readMapped(file, between) -> { sum, problem }
Napi::Value js_read_mapped(const Info& info) {
  return guarded(info.Env(), [&] {
    const MappedFile file(string_of(info[0], "file"));
    info[1].As<Napi::Function>().Call({});
    auto result = Napi::Object::New(info.Env());
    result.Set("sum", sum_of(file.bytes(0, file.size(), nullptr), file.size()));
    std::string problem;
    try {
      file.check();
    } catch (const Error& error) {
      problem = std::string(error.code()) + " " + error.what();
    }
    result.Set("problem", problem);
    return result;
  });
}

// readForeign(file, between) reads a mapping that is none of the engine's.
Napi::Value js_read_foreign(const Info& info) {
  return guarded(info.Env(), [&] {
    const int descriptor = open(string_of(info[0], "file").c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) fail("IO", "the file cannot be opened");
    void* map = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    if (map == MAP_FAILED) fail("IO", "the file cannot be mapped");
    info[1].As<Napi::Function>().Call({});
    return Napi::Number::New(info.Env(), sum_of(static_cast<const uint8_t*>(map), status.st_size));
  });
}

// giveThreads(count) lets the system refuse every thread after so many; a negative count ends that.
Napi::Value js_give_threads(const Info& info) {
  return guarded(info.Env(), [&] {
    threads_to_give = int_of(info[0], "count");
    return info.Env().Undefined();
  });
}

}  // namespace

Napi::Object faults_object(Napi::Env env) {
  auto exports = Napi::Object::New(env);
  exports.Set("guarded", Napi::Function::New(env, js_guarded));
  exports.Set("unguarded", Napi::Function::New(env, js_unguarded));
  exports.Set("job", Napi::Function::New(env, js_job));
  exports.Set("readMapped", Napi::Function::New(env, js_read_mapped));
  exports.Set("readForeign", Napi::Function::New(env, js_read_foreign));
  exports.Set("giveThreads", Napi::Function::New(env, js_give_threads));
  exports.Set("Faulty", Faulty::DefineClass(env, "Faulty", {}));
  return exports;
}

}  // namespace dfmerge
