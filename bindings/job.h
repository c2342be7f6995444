// A Promise that means another thread: the work runs on libuv's pool and the engine's own threads, and its result is
// made on JavaScript's thread.
#pragma once
#include <napi.h>

#include <functional>
#include <optional>
#include <utility>

#include "errors.h"

namespace dfmerge {

class Job : public Napi::AsyncWorker {
 public:
  struct Parts {
    std::function<void()> work;                    // runs off JavaScript's thread
    std::function<Napi::Value(Napi::Env)> result;  // runs on JavaScript's thread after the work; null gives undefined
    std::function<void(Napi::Env)> done;           // runs there too, before the promise settles, whatever happened
    Napi::Object pinned;                           // is kept alive until then
  };
  Job(Napi::Env env, Parts parts)
      : Napi::AsyncWorker(env, "dfmerge"),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(parts.work)),
        result_(std::move(parts.result)),
        done_(std::move(parts.done)),
        pinned_(Napi::Persistent(parts.pinned)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  // Whatever is thrown is kept here, because Napi::AsyncWorker knows std::exception alone and takes an error without a
  // message for none.
  void Execute() override {
    try {
      work_();
    } catch (...) {
      failure_ = current_failure();
    }
  }
  void OnOK() override {
    Napi::Value value = Env().Undefined();
    try {
      done_(Env());
      if (!failure_ && result_) value = result_(Env());
    } catch (...) {
      if (!failure_) failure_ = current_failure();
    }
    if (failure_)
      deferred_.Reject(failure_->to_js(Env()).Value());
    else
      deferred_.Resolve(value);
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<void()> work_;
  std::function<Napi::Value(Napi::Env)> result_;
  std::function<void(Napi::Env)> done_;
  Napi::ObjectReference pinned_;
  std::optional<Failure> failure_;
};

}  // namespace dfmerge
