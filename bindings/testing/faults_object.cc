#include "testing/faults_object.h"

#include <functional>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "args.h"
#include "cpu/parallel.h"
#include "errors.h"
#include "job.h"

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
  exports.Set("giveThreads", Napi::Function::New(env, js_give_threads));
  exports.Set("Faulty", Faulty::DefineClass(env, "Faulty", {}));
  return exports;
}

}  // namespace dfmerge
