// A Promise that means another thread: the work runs on libuv's pool (and the engine's own threads), its result is made
// on JavaScript's.
#pragma once
#include <napi.h>

#include <functional>
#include <string>

#include "args.h"

namespace dfmerge {

class Job : public Napi::AsyncWorker {
 public:
  struct Parts {
    std::function<void()> work;                    // off JavaScript's thread
    std::function<Napi::Value(Napi::Env)> result;  // on it; null: undefined
    std::function<void(Napi::Env)> done;           // on it, before the promise settles, whatever happened
    Napi::Object pinned;                           // kept alive until then
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
  void Execute() override {
    try {
      work_();
    } catch (const Error& error) {
      code_ = error.code();
      SetError(error.what());
    } catch (const std::bad_alloc&) {
      code_ = "IO";
      SetError("out of memory");
    } catch (const std::exception& error) {
      SetError(error.what());
    }
  }
  void OnOK() override {
    done_(Env());
    deferred_.Resolve(result_ ? result_(Env()) : Env().Undefined());
  }
  void OnError(const Napi::Error& error) override {
    done_(Env());
    deferred_.Reject(to_js_error(Env(), code_, error.Message()).Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<void()> work_;
  std::function<Napi::Value(Napi::Env)> result_;
  std::function<void(Napi::Env)> done_;
  Napi::ObjectReference pinned_;
  const char* code_ = "IO";
};

}  // namespace dfmerge
