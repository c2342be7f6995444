// The JavaScript object around one Engine: a method per engine operation, one asynchronous job at a time.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>

#include "engine.h"

namespace dfmerge {

class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineObject(const Napi::CallbackInfo& info);
  ~EngineObject() override;

  // A job's end, on JavaScript's thread: reports memory, and closes where close() was called meanwhile.
  void job_done(Napi::Env env);

 private:
  using Info = Napi::CallbackInfo;
  using Result = std::function<Napi::Value(Napi::Env)>;  // runs on JavaScript's thread, behind the work

  // Immediate.
  Napi::Value parameters(const Info& info);
  Napi::Value add_model(const Info& info);
  Napi::Value parameter(const Info& info);
  Napi::Value bytes(const Info& info);
  Napi::Value busy(const Info& info);
  Napi::Value matmul(const Info& info);
  Napi::Value stop(const Info& info);
  Napi::Value close(const Info& info);
  // Jobs: each returns a Promise.
  Napi::Value load(const Info& info);
  Napi::Value interpolate(const Info& info);
  Napi::Value initialize(const Info& info);
  Napi::Value begin_fisher(const Info& info);
  Napi::Value add_fisher(const Info& info);
  Napi::Value finish_fisher(const Info& info);
  Napi::Value load_fisher(const Info& info);
  Napi::Value begin_merge(const Info& info);
  Napi::Value fold(const Info& info);
  Napi::Value finish_merge(const Info& info);
  Napi::Value score(const Info& info);
  Napi::Value encode(const Info& info);
  Napi::Value logits(const Info& info);
  Napi::Value begin_training(const Info& info);
  Napi::Value add_gradient(const Info& info);
  Napi::Value adamw(const Info& info);
  Napi::Value write(const Info& info);

  Engine& idle_engine();  // throws CLOSED or BUSY
  Napi::Value run(Napi::Env env, std::function<void()> work, Result result = nullptr);
  template <class Value, class Work>
  Napi::Value run_for(Napi::Env env, Work work, Napi::Value (*convert)(Napi::Env, const Value&));
  void report_memory(Napi::Env env);

  std::unique_ptr<Engine> engine_;
  bool busy_ = false, closing_ = false;
  int64_t reported_ = 0;
};

}  // namespace dfmerge
